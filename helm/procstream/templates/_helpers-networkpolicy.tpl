{{/* Peers that may connect to a server: procstream's pods of this namespace, also those that operators create. */}}
{{- define "procstream.networkPolicy.peers" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/part-of: procstream
{{- with .Values.networkPolicies.allowFrom }}
{{ toYaml . }}
{{- end }}
{{- end -}}
