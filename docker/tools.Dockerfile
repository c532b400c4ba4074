# What is done to a container's network from beside it: `sh` and `iptables`, for the fault `partition` from one peer.
#   docker build -t squall-tools -f docker/tools.Dockerfile docker
ARG BASE_IMAGE=node:24.21.0-bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends iptables && rm -rf /var/lib/apt/lists/*
