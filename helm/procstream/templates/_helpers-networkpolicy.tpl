{{/* Who is let in to a server: procstream's pods of this namespace, those that its operators make included. */}}
{{- define "procstream.networkPolicy.peers" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/part-of: procstream
{{- with .Values.networkPolicies.allowFrom }}
{{ toYaml . }}
{{- end }}
{{- end -}}
