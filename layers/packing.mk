# What the Makefiles of layers and functions share. `sam build` runs them in their own folders (build_in_source in
# samconfig.toml). `make build` sets both variables; a plain `sam build` may leave them.
ARCH ?= x86_64
BUILD_PYTHON ?= python3
ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)

PACK = @cd "$(ROOT)" && "$(BUILD_PYTHON)" -m layers.packing --arch $(ARCH)
