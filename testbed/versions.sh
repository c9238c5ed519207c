# shellcheck shell=bash disable=SC2034
# The upstream images that this project uses, by version. Whatever stands in for them is built from the same versions.

alpine_version=3.23
python_version=3.13
victoriametrics_version=v1.148.8
hub_database_version=v1.136.23
cluster_version=v1.148.0-cluster
cluster_insert_version=v1.136.0-cluster

alpine_image="alpine:${alpine_version}"
python_image="python:${python_version}-alpine${alpine_version}"
victoriametrics_image="victoriametrics/victoria-metrics:${victoriametrics_version}"
vmagent_image="victoriametrics/vmagent:${victoriametrics_version}"
vmauth_image="victoriametrics/vmauth:${victoriametrics_version}"
vmalert_image="victoriametrics/vmalert:${victoriametrics_version}"
vmbackup_image="victoriametrics/vmbackup:${hub_database_version}"
vmrestore_image="victoriametrics/vmrestore:${hub_database_version}"
cluster_images=("victoriametrics/vmstorage:${cluster_version}" "victoriametrics/vmselect:${cluster_version}"
    "victoriametrics/vminsert:${cluster_insert_version}")
