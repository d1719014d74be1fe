{{/* Pods wait for what they need before they start, instead of ending and starting over. */}}

{{- define "procstream.wait.name" -}}
{{- include "procstream.fullname" . }}-wait
{{- end -}}

{{/* A list of initContainers: (dict "root" $ "for" (list "kafka" "registry" "s3" "postgres" "topic:NAME"
     "subject:NAME")). The pod has the volumes of "procstream.connection.volumes". */}}
{{- define "procstream.waitFor" -}}
{{- $root := .root -}}
- name: wait
  image: {{ include "procstream.image" (dict "root" $root "image" $root.Values.producer.image) }}
  imagePullPolicy: {{ $root.Values.producer.image.pullPolicy | default $root.Values.image.pullPolicy }}
  command: [python, -c, $(WAIT)]
  args: {{- toYaml .for | nindent 4 }}
  env:
    - name: WAIT
      valueFrom:
        configMapKeyRef:
          name: {{ include "procstream.wait.name" $root }}
          key: wait.py
    {{- if has "s3" .for }}
    {{- include "procstream.env" (include "procstream.s3.variables" $root | fromYaml) | nindent 4 }}
    {{- end }}
    {{- if has "postgres" .for }}
    {{- include "procstream.env" (include "procstream.postgres.variables" $root | fromYaml) | nindent 4 }}
    {{- end }}
  envFrom: {{- include "procstream.connection.envFrom" $root | nindent 4 }}
  resources:
    requests:
      cpu: 10m
      memory: 48Mi
    limits:
      memory: 128Mi
  securityContext: {{- include "procstream.container.security" $root | nindent 4 }}
  {{- with include "procstream.connection.volumeMounts" $root }}
  volumeMounts: {{- . | nindent 4 }}
  {{- end }}
{{- end -}}
