{{/* The SQL Gateway and its session cluster, always as plain Deployments: Flink's operator would resume jobs after an
     upgrade, but the queries of a session end with it. */}}

{{- define "procstream.sqlGateway.name" -}}
{{- include "procstream.fullname" . }}-sql-gateway
{{- end -}}

{{- define "procstream.sqlGateway.jobManager" -}}
{{- include "procstream.sqlGateway.name" . }}-jobmanager
{{- end -}}

{{- define "procstream.sqlGateway.taskManager" -}}
{{- include "procstream.sqlGateway.name" . }}-taskmanager
{{- end -}}

{{/* Selects its pods and those of the session cluster. They do not have the label procstream.io/flink, which opens
     Flink's REST interface to all: a session cluster would accept anybody's jobs. */}}
{{- define "procstream.sqlGateway.pods" -}}
matchLabels: {{- include "procstream.selector.release" . | nindent 2 }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: In
    values: [sql-gateway, sql-gateway-jobmanager, sql-gateway-taskmanager]
{{- end -}}

{{/* (dict "root" $ "component" "sql-gateway-jobmanager" "values" .Values.sqlGateway.jobManager) */}}
{{- define "procstream.sqlGateway.pod.metadata" -}}
{{- $checksum := print (include "procstream.sqlGateway.configuration" .root) (include "procstream.connection.variables" .root) -}}
{{- include "procstream.pod.metadata" (merge (dict "checksum" $checksum) .) -}}
{{- end -}}

{{/* (dict "root" $ "values" .Values.sqlGateway.jobManager). The ServiceAccount is for S3 only: these pods do not use
     the API server. */}}
{{- define "procstream.sqlGateway.pod.spec" -}}
{{- $values := merge (dict "serviceAccountName" (include "procstream.flink.name" .root)) .values -}}
{{- include "procstream.pod.spec" (dict "root" .root "values" $values "user" 9999) -}}
{{- end -}}

{{/* config.yaml of the gateway, the JobManager and the TaskManagers. */}}
{{- define "procstream.sqlGateway.configuration" -}}
{{- $gateway := .Values.sqlGateway -}}
{{- $configuration := dict
  "jobmanager.rpc.address" (include "procstream.sqlGateway.jobManager" .)
  "jobmanager.rpc.port" "6123"
  "jobmanager.bind-host" "0.0.0.0"
  "jobmanager.memory.process.size" (include "procstream.flink.memory" (dict "path" "sqlGateway.jobManager" "resources" $gateway.jobManager.resources))
  "taskmanager.bind-host" "0.0.0.0"
  "taskmanager.registration.timeout" "1 h"
  "taskmanager.memory.process.size" (include "procstream.flink.memory" (dict "path" "sqlGateway.taskManager" "resources" $gateway.taskManager.resources))
  "rest.address" (include "procstream.sqlGateway.jobManager" .)
  "rest.bind-address" "0.0.0.0"
  "rest.port" "8081"
  "execution.target" "remote"
  "sql-gateway.endpoint.rest.address" (include "procstream.sqlGateway.name" .)
  "sql-gateway.endpoint.rest.bind-address" "0.0.0.0"
  "sql-gateway.endpoint.rest.port" "8083"
  "env.java.opts.sql-gateway" "-XX:MaxRAMPercentage=50 -XX:+UseSerialGC"
  "table.catalog-store.kind" "file"
  "table.catalog-store.file.path" "file:///opt/flink/catalogs"
-}}
{{- /* Sessions start in the catalog of this name, which is in the store. */}}
{{- $_ := set $configuration "table.builtin-catalog-name" "procstream" -}}
{{- $settings := dict "name" "sql-gateway" "session" true "services" (list (include "procstream.sqlGateway.name" .) (include "procstream.sqlGateway.jobManager" .)) "taskManager" $gateway.taskManager "configuration" (mergeOverwrite $configuration (deepCopy $gateway.configuration)) -}}
{{- include "procstream.flink.configuration" (dict "root" . "pipeline" $settings) | trim -}}
{{- end -}}

{{/* The pipelines of the release, as a JSON list. Tables have the columns that they declare. */}}
{{- define "procstream.sqlGateway.pipelines" -}}
{{- $found := list -}}
{{- range $pipeline := include "procstream.pipelines.enabled" . | fromYamlArray -}}
{{- $env := dict -}}
{{- range $name, $value := $pipeline.env -}}
{{- $_ := set $env $name (include "procstream.text" $value) -}}
{{- end -}}
{{- $source := ternary (printf "/etc/procstream/pipelines/%s.yaml" $pipeline.name) $pipeline.file (not (empty $pipeline.definition)) -}}
{{- $found = append $found (dict "source" $source "env" $env) -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Environment of a container: the servers that its SQL reads and writes. */}}
{{- define "procstream.sqlGateway.env" -}}
{{- include "procstream.env" (merge (include "procstream.s3.variables" . | fromYaml) (include "procstream.postgres.variables" . | fromYaml)) -}}
{{- end -}}

{{- define "procstream.sqlGateway.volumes" -}}
- name: configuration
  configMap:
    name: {{ include "procstream.sqlGateway.name" . }}
- name: tmp
  emptyDir: {}
- name: log
  emptyDir:
    sizeLimit: 256Mi
{{- with include "procstream.connection.volumes" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "procstream.sqlGateway.volumeMounts" -}}
- name: configuration
  mountPath: /opt/flink/conf
  readOnly: true
- name: tmp
  mountPath: /tmp
- name: log
  mountPath: /opt/flink/log
{{- with include "procstream.connection.volumeMounts" . }}
{{ . }}
{{- end }}
{{- end -}}
