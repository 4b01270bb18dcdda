module sandbox.local/toolchain/charts

go 1.26

// No Go code: these modules carry the Helm charts and CRDs that the sandbox installs.
require (
	github.com/cert-manager/cert-manager v1.21.1
	github.com/kserve/kserve v0.20.0
	sigs.k8s.io/gateway-api v1.5.1
	sigs.k8s.io/gateway-api-inference-extension v1.5.0
	sigs.k8s.io/lws v0.8.0
)
