#!/bin/sh
# Arguments may leave out the program's name, as with the official image.
[ "${1:-}" = minio ] || set -- minio "$@"
exec "$@"
