# Eight rules of the pack in Rego, as conftest reads them; bench/peers.py names their counterparts.
package main

import rego.v1

deny contains "timeouts" if {
	input.kind == "HTTPRoute"
	some rule in input.spec.rules
	rule.timeouts
}

deny contains "regular-expression" if {
	input.kind == "HTTPRoute"
	some rule in input.spec.rules
	some match in rule.matches
	match.path.type == "RegularExpression"
}

deny contains "method-match" if {
	input.kind == "HTTPRoute"
	some rule in input.spec.rules
	some match in rule.matches
	match.method
}

deny contains "port" if {
	input.kind == "HealthCheckPolicy"
	check := input.spec.default.config.httpHealthCheck
	check.port
	not check.portSpecification
}

deny contains "request-path" if {
	input.kind == "HealthCheckPolicy"
	input.spec.default.config.httpHealthCheck.requestPath == "/"
}

deny contains "limits" if {
	input.kind == "HealthCheckPolicy"
	input.spec.default.checkIntervalSec > 300
}

deny contains "session-affinity" if {
	input.kind == "GCPBackendPolicy"
	input.spec.targetRef.kind == "InferencePool"
	input.spec.default.sessionAffinity
}

deny contains "privileged" if {
	input.kind == "Deployment"
	some container in input.spec.template.spec.containers
	container.securityContext.privileged
}
