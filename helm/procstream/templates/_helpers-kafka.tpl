{{/* Kafka: the chart's own, or the one of kafka.external. */}}

{{- define "procstream.kafka.name" -}}
{{- include "procstream.fullname" . }}-kafka
{{- end -}}

{{/* The headless Service that gives each node its name. */}}
{{- define "procstream.kafka.nodes" -}}
{{- include "procstream.kafka.name" . }}-nodes
{{- end -}}

{{/* host:port, several separated by commas. */}}
{{- define "procstream.kafka.bootstrap" -}}
{{- $external := .Values.kafka.external.bootstrapServers -}}
{{- if .Values.kafka.enabled -}}
  {{- with $external -}}
    {{- fail (printf "kafka.external.bootstrapServers: found %s, but kafka.enabled is true: set kafka.enabled to false to use that Kafka" .) -}}
  {{- end -}}
  {{- include "procstream.kafka.name" . }}:9092
{{- else -}}
  {{- required "kafka.external.bootstrapServers: not set, but kafka.enabled is false: give host:port, several separated by commas" $external -}}
{{- end -}}
{{- end -}}

{{/* PLAINTEXT within the chart. Network policies keep others out. */}}
{{- define "procstream.kafka.securityProtocol" -}}
{{- ternary "PLAINTEXT" .Values.kafka.external.securityProtocol .Values.kafka.enabled -}}
{{- end -}}

{{/* Name of the Secret with the clients' certificates, or nothing. */}}
{{- define "procstream.kafka.tlsSecret" -}}
{{- if not .Values.kafka.enabled }}{{ .Values.kafka.external.tlsSecret }}{{ end -}}
{{- end -}}

{{/* Number of nodes that vote on metadata. An even number would tolerate no more failures than one less. */}}
{{- define "procstream.kafka.controllers" -}}
{{- $replicas := int .Values.kafka.replicas -}}
{{- $controllers := int (.Values.kafka.controllers | default (ternary 3 1 (ge $replicas 3))) -}}
{{- if gt $controllers $replicas -}}
  {{- fail (printf "kafka.controllers: found %d, but kafka.replicas is %d: the first of these nodes are the controllers, so set it to %d or less" $controllers $replicas $replicas) -}}
{{- end -}}
{{- $controllers -}}
{{- end -}}

{{/* 0@host:9093,1@host:9093,… */}}
{{- define "procstream.kafka.voters" -}}
{{- $voters := list -}}
{{- range $id := until (include "procstream.kafka.controllers" . | int) -}}
  {{- $pod := printf "%s-%d" (include "procstream.kafka.name" $) $id -}}
  {{- $voters = append $voters (printf "%d@%s.%s.%s.svc:9093" $id $pod (include "procstream.kafka.nodes" $) $.Release.Namespace) -}}
{{- end -}}
{{- join "," $voters -}}
{{- end -}}

{{/* Default replication factor. */}}
{{- define "procstream.kafka.replicationFactor" -}}
{{- if .Values.kafka.enabled }}{{ min 3 (int .Values.kafka.replicas) }}{{ else }}{{ include "procstream.text" .Values.kafka.external.replicationFactor }}{{ end -}}
{{- end -}}

{{/* Java's heap. It must leave room for the memory that Java needs besides it. */}}
{{- define "procstream.kafka.heap" -}}
{{- $heap := .Values.kafka.heap -}}
{{- $limit := dig "limits" "memory" "" .Values.kafka.resources -}}
{{- $room := sub (include "procstream.mebibytes" $limit | int) (include "procstream.mebibytes" $heap | int) -}}
{{- if and (regexMatch "[KMG]i$" (include "procstream.text" $limit)) (lt $room 256) -}}
  {{- fail (printf "kafka.heap: found %s, but kafka.resources.limits.memory is %s: Java needs 256Mi besides its heap, so make one smaller or the other larger" $heap (include "procstream.text" $limit)) -}}
{{- end -}}
{{- $heap -}}
{{- end -}}

{{/* server.properties of every node. Its id and address are environment variables. */}}
{{- define "procstream.kafka.properties" -}}
{{- $replication := include "procstream.kafka.replicationFactor" . -}}
{{- $inSync := ternary 2 1 (ge (int $replication) 3) -}}
{{- $properties := dict
  "controller.listener.names" "CONTROLLER"
  "controller.quorum.voters" (include "procstream.kafka.voters" .)
  "listener.security.protocol.map" "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"
  "inter.broker.listener.name" "PLAINTEXT"
  "log.dirs" "/var/lib/kafka/data/log"
  "auto.create.topics.enable" "false"
  "default.replication.factor" $replication
  "min.insync.replicas" $inSync
  "offsets.topic.replication.factor" $replication
  "transaction.state.log.replication.factor" $replication
  "transaction.state.log.min.isr" $inSync
  "share.coordinator.state.topic.replication.factor" $replication
  "share.coordinator.state.topic.min.isr" $inSync
-}}
{{- range $key, $value := merge (deepCopy .Values.kafka.config) $properties }}
{{ $key }}={{ include "procstream.text" $value }}
{{- end }}
{{- end -}}

{{/* Name of the pod of `helm test`, and of its topic. `helm test --logs` takes every object of the test for a pod:
     the topic needs the name of one. */}}
{{- define "procstream.test.name" -}}
{{- include "procstream.fullname" . }}-test
{{- end -}}
