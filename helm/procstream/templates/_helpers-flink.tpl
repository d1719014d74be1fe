{{/* Flink's clusters: one per pipeline, in application mode. */}}

{{- define "procstream.flink.name" -}}
{{- include "procstream.fullname" . }}-flink
{{- end -}}

{{/* A pipeline's name in Kubernetes, which is also its cluster id: (dict "root" $ "name" "lineage").
     Flink allows 45 characters. */}}
{{- define "procstream.pipeline.name" -}}
{{- $name := printf "%s-pipeline-%s" (include "procstream.fullname" .root) .name -}}
{{- if gt (len $name) 45 -}}
{{- printf "%s-%s" ($name | trunc 36 | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* Settings of a pipeline, as YAML: its own, those of `flink` where it has none, and its names. */}}
{{- define "procstream.pipeline.settings" -}}
{{- $given := .pipeline -}}
{{- if and $given.file $given.definition -}}
  {{- fail (printf "pipelines.%s: found both file and definition: set one of them" .name) -}}
{{- end -}}
{{- $named := dig "name" .name ($given.definition | default dict) -}}
{{- if ne $named .name -}}
  {{- fail (printf "pipelines.%s.definition.name: found %s: set it to the name of the entry" .name $named) -}}
{{- end -}}
{{- $settings := mergeOverwrite (dict
  "file" .name "definition" nil "files" dict "parallelism" 2 "env" dict "fromSavepoint" "" "configuration" dict
  "checkpointInterval" .root.Values.flink.checkpoints.interval
  "jobManager" (deepCopy .root.Values.flink.jobManager)
  "taskManager" (deepCopy .root.Values.flink.taskManager)
) (deepCopy $given) -}}
{{- $slots := int $settings.taskManager.slots -}}
{{- if not $settings.taskManager.replicas -}}
  {{- $_ := set $settings.taskManager "replicas" (div (add (int $settings.parallelism) $slots -1) $slots) -}}
{{- end -}}
{{- $_ := set $settings "name" .name -}}
{{- $_ := set $settings "fullname" (include "procstream.pipeline.name" .) -}}
{{- $_ := set $settings "component" (printf "pipeline-%s" .name) -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* Memory limit of a container, in the one form that Kubernetes and Flink both read: 1Gi is 1024m. */}}
{{- define "procstream.flink.memory" -}}
{{- $limit := dig "limits" "memory" "" .resources | include "procstream.text" -}}
{{- if hasSuffix "Gi" $limit -}}
{{- trimSuffix "Gi" $limit | float64 | mulf 1024 | int }}m
{{- else if hasSuffix "Mi" $limit -}}
{{- trimSuffix "Mi" $limit }}m
{{- else -}}
{{- fail (printf "%s.resources.limits.memory: found %q, expected a size in Mi or Gi, which Flink divides up" .path $limit) -}}
{{- end -}}
{{- end -}}

{{/* Folder in the bucket for the checkpoints, savepoints and metadata of a pipeline. */}}
{{- define "procstream.flink.storage" -}}
s3://{{ .root.Values.s3.bucket }}/flink/{{ .pipeline.name }}
{{- end -}}

{{/* Hosts that requests to Flink's REST interface may name, besides loopback and rest.address, as a list of Flink: the
     names of the Services, and those of the values. (dict "root" $ "pipeline" SETTINGS) */}}
{{- define "procstream.flink.allowedHosts" -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $hosts := list -}}
{{- range .pipeline.services | default (list .pipeline.fullname (printf "%s-rest" .pipeline.fullname)) -}}
{{- $hosts = concat $hosts (list . (printf "%s.%s" . $namespace) (printf "%s.%s.svc" . $namespace) (printf "%s.%s.svc.cluster.local" . $namespace)) -}}
{{- end -}}
{{- concat $hosts .root.Values.flink.rest.allowedHosts | uniq | join ";" -}}
{{- end -}}

{{/* Flink's configuration of a cluster, without the options of Deployments: (dict "root" $ "pipeline" SETTINGS).
     procstream_job sets the options of the job itself (state, checkpoints, restarts). A session cluster ("session"
     in its settings) is not highly available: its jobs end with it. Flink's operator refuses a key that is a prefix
     of another one, such as s3.endpoint beside s3.endpoint.region; fs.s3a.endpoint.region is the same option. */}}
{{- define "procstream.flink.configuration" -}}
{{- $s3 := include "procstream.s3.variables" .root | fromYaml -}}
{{- $storage := include "procstream.flink.storage" . -}}
{{- $configuration := dict
  "execution.checkpointing.dir" (printf "%s/checkpoints" $storage)
  "execution.checkpointing.savepoint-dir" (printf "%s/savepoints" $storage)
  "taskmanager.numberOfTaskSlots" (include "procstream.text" .pipeline.taskManager.slots)
  "blob.server.port" "6124"
  "taskmanager.rpc.port" "6122"
  "metrics.reporter.prometheus.factory.class" "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"
  "metrics.reporter.prometheus.port" "9249"
  "procstream.rest.allowed-hosts" (include "procstream.flink.allowedHosts" .)
  "web.access-control-allow-origin" "http://localhost:8081"
  "s3.path.style.access" $s3.S3_PATH_STYLE
  "fs.s3a.endpoint.region" $s3.AWS_REGION
-}}
{{- if not .pipeline.session -}}
  {{- $_ := set $configuration "high-availability.type" "kubernetes" -}}
  {{- $_ := set $configuration "high-availability.storageDir" (printf "%s/ha" $storage) -}}
{{- end -}}
{{- with $s3.S3_ENDPOINT -}}
  {{- $_ := set $configuration "s3.endpoint" . -}}
{{- end -}}
{{- if and (not (include "procstream.s3.secret" .root)) .root.Values.s3.serviceAccountAnnotations -}}
  {{- $_ := set $configuration "s3.aws.credentials.provider" "com.amazonaws.auth.WebIdentityTokenCredentialsProvider" -}}
{{- end -}}
{{- $defaults := .root.Files.Get "files/flink-defaults.yaml" | fromYaml -}}
{{- range $key, $value := mergeOverwrite $defaults $configuration (deepCopy .root.Values.flink.configuration) (deepCopy .pipeline.configuration) }}
{{ $key }}: {{ include "procstream.text" $value | quote }}
{{- end }}
{{- end -}}

{{/* Arguments of Flink's PythonDriver, a YAML list: (dict "root" $ "pipeline" SETTINGS). */}}
{{- define "procstream.pipeline.arguments" -}}
- -pym
- procstream_job
- run
- {{ ternary (printf "/etc/procstream/pipeline/%s.yaml" .pipeline.name) .pipeline.file (not (empty .pipeline.definition)) }}
- --parallelism={{ include "procstream.text" .pipeline.parallelism }}
- --checkpoint-interval={{ .pipeline.checkpointInterval }}
# For topics and schemas that do not exist yet.
- --wait=10min
# If the job failed for good, high availability does not know it any more.
- --resume={{ include "procstream.flink.storage" . }}/checkpoints/{{ include "procstream.pipeline.jobId" . }}
{{- end -}}

{{/* Environment of a pipeline's containers: (dict "root" $ "pipeline" SETTINGS). */}}
{{- define "procstream.pipeline.env" -}}
{{- $lake := printf "s3://%s/%s" .root.Values.s3.bucket .pipeline.name -}}
{{- $variables := merge (deepCopy .pipeline.env) (dict
  "OUTPUT_PATH" (printf "%s/output" $lake)
  "WRITE_AHEAD_COMMIT_LOG_PATH" (printf "%s/write-ahead-commit-log" $lake)
  "DROPPED_PATH" (printf "%s/dropped" $lake)
) (include "procstream.s3.variables" .root | fromYaml) (include "procstream.postgres.variables" .root | fromYaml) -}}
{{- include "procstream.env" $variables -}}
{{- end -}}

{{- define "procstream.pipeline.envFrom" -}}
{{ include "procstream.connection.envFrom" .root }}
{{- range list (include "procstream.s3.secret" .root) (include "procstream.postgres.secret" .root) | compact | uniq }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{/* Changes whenever the job's plan may change. Other changes of a pod keep the plan. */}}
{{- define "procstream.pipeline.checksum" -}}
{{- $image := include "procstream.image" (dict "root" .root "image" .root.Values.flink.image) -}}
{{- list $image (include "procstream.pipeline.arguments" .) .pipeline.definition .pipeline.files .pipeline.env .pipeline.configuration .pipeline.fromSavepoint | toYaml | sha256sum -}}
{{- end -}}

{{/* Flink's id of the job. It stays the same, because checkpoints are found by it. A new savepoint to start from
     makes a new job. */}}
{{- define "procstream.pipeline.jobId" -}}
{{- printf "%s/%s/%s" .root.Release.Namespace .pipeline.fullname .pipeline.fromSavepoint | sha256sum | trunc 32 -}}
{{- end -}}

{{- define "procstream.pipeline.volumes" -}}
- name: tmp
  emptyDir: {}
- name: log
  emptyDir:
    sizeLimit: 256Mi
{{- if or .pipeline.definition .pipeline.files }}
- name: pipeline
  configMap:
    name: {{ .pipeline.fullname }}-files
{{- end }}
{{- with include "procstream.connection.volumes" .root }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "procstream.pipeline.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
- name: log
  mountPath: /opt/flink/log
{{- if or .pipeline.definition .pipeline.files }}
- name: pipeline
  mountPath: /etc/procstream/pipeline
  readOnly: true
{{- end }}
{{- with include "procstream.connection.volumeMounts" .root }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Settings of each enabled pipeline, as a YAML list; nothing without any. */}}
{{- define "procstream.pipelines.enabled" -}}
{{- range $name, $pipeline := .Values.pipelines }}
{{- if $pipeline.enabled }}
- {{- include "procstream.pipeline.settings" (dict "root" $ "name" $name "pipeline" $pipeline) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* config.yaml of clusters that run as plain Deployments: the configuration above, and what the Flink Kubernetes
     Operator would add to it. */}}
{{- define "procstream.flink.configuration.standalone" -}}
{{- $jobManager := dict "path" "flink.jobManager" "resources" .pipeline.jobManager.resources -}}
{{- $taskManager := dict "path" "flink.taskManager" "resources" .pipeline.taskManager.resources -}}
kubernetes.cluster-id: {{ .pipeline.fullname }}
kubernetes.namespace: {{ .root.Release.Namespace }}
jobmanager.bind-host: 0.0.0.0
jobmanager.rpc.port: 6123
jobmanager.memory.process.size: {{ include "procstream.flink.memory" $jobManager }}
taskmanager.bind-host: 0.0.0.0
# At a first installation the JobManager waits until Kafka and the other servers are ready.
taskmanager.registration.timeout: 1 h
taskmanager.memory.process.size: {{ include "procstream.flink.memory" $taskManager }}
rest.address: {{ .pipeline.fullname }}
rest.bind-address: 0.0.0.0
rest.port: 8081
{{- include "procstream.flink.configuration" . }}
{{- end -}}

{{/* `image` and `imagePullPolicy` of a container. */}}
{{- define "procstream.flink.image" -}}
image: {{ include "procstream.image" (dict "root" . "image" .Values.flink.image) }}
imagePullPolicy: {{ .Values.flink.image.pullPolicy | default .Values.image.pullPolicy }}
{{- end -}}

{{/* (dict "root" $ "pipeline" SETTINGS "role" "jobmanager" "values" SETTINGS.jobManager "checksum" TEXT) */}}
{{- define "procstream.flink.pod.metadata" -}}
{{- $labels := dict "procstream.io/flink" .role "procstream.io/pipeline" .pipeline.name -}}
{{- $values := dict "podLabels" (merge $labels (.values.podLabels | default dict)) "podAnnotations" .values.podAnnotations -}}
{{- include "procstream.pod.metadata" (dict "root" .root "component" .pipeline.component "values" $values "checksum" .checksum) -}}
{{- end -}}

{{/* (dict "root" $ "values" SETTINGS.jobManager). High availability needs the API server. */}}
{{- define "procstream.flink.pod.spec" -}}
{{- $values := merge (dict "serviceAccountName" (include "procstream.flink.name" .root)) .values -}}
{{- $spec := include "procstream.pod.spec" (dict "root" .root "values" $values "user" 9999) | fromYaml -}}
{{- set $spec "automountServiceAccountToken" true | toYaml -}}
{{- end -}}

{{/* Ports and probes of a JobManager's container; those of a TaskManager follow. A start may take minutes: if the node
     is busy, if the lease of the last leader has to expire, or if the storage of the state is not ready yet. */}}
{{- define "procstream.flink.jobManager.portsAndProbes" -}}
ports:
  - name: rpc
    containerPort: 6123
  - name: blob
    containerPort: 6124
  - name: rest
    containerPort: 8081
  - name: metrics
    containerPort: 9249
startupProbe:
  tcpSocket: {port: rpc}
  periodSeconds: 2
  failureThreshold: 300
readinessProbe:
  # The kubelet would name the pod's address, which Flink's guard against web pages does not know.
  httpGet: {path: /config, port: rest, httpHeaders: [{name: Host, value: localhost}]}
  periodSeconds: 5
  timeoutSeconds: 5
livenessProbe:
  tcpSocket: {port: rpc}
  periodSeconds: 10
  failureThreshold: 6
{{- end -}}

{{- define "procstream.flink.taskManager.portsAndProbes" -}}
ports:
  - name: taskmanager-rpc
    containerPort: 6122
  - name: metrics
    containerPort: 9249
startupProbe:
  tcpSocket: {port: taskmanager-rpc}
  periodSeconds: 2
  failureThreshold: 300
readinessProbe:
  tcpSocket: {port: taskmanager-rpc}
  periodSeconds: 5
livenessProbe:
  tcpSocket: {port: taskmanager-rpc}
  periodSeconds: 10
  failureThreshold: 6
{{- end -}}

{{/* A FlinkDeployment's `resource`: (dict "path" "flink.jobManager" "resources" SETTINGS.jobManager.resources) */}}
{{- define "procstream.flink.resource" -}}
cpu: {{ include "procstream.flink.cpu" (dig "requests" "cpu" 1 .resources) }}
memory: {{ include "procstream.flink.memory" . }}
{{- end -}}

{{/* CPU in cores: 250m is 0.25. */}}
{{- define "procstream.flink.cpu" -}}
{{- $cpu := include "procstream.text" . -}}
{{- if hasSuffix "m" $cpu }}{{ divf (trimSuffix "m" $cpu | float64) 1000 }}{{ else }}{{ $cpu | float64 }}{{ end -}}
{{- end -}}

{{/* In native mode Flink sets a CPU limit, as a multiple of the request. Without a limit in the values it is 16 cores,
     which containers do not reach. */}}
{{- define "procstream.flink.cpuLimitFactor" -}}
{{- $requested := include "procstream.flink.cpu" (dig "requests" "cpu" 1 .resources) | float64 -}}
{{- with dig "limits" "cpu" "" .resources }}
{{- divf (include "procstream.flink.cpu" . | float64) $requested -}}
{{- else -}}
{{- divf 16 $requested -}}
{{- end -}}
{{- end -}}
