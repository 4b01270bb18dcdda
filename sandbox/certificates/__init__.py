"""A stand-in for cert-manager's controllers: self-signed and CA certificates, CA injection, the admission webhook.

The real chart and CRDs are installed; only the three programs behind them are ours, and they act only while the chart's
pods run. CertificateRequests are skipped: a Certificate is issued directly. ACME, Vault and other issuers are refused.
"""
