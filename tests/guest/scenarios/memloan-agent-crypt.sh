#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-agent-crypt.sh - all of memloan-agent.sh, with a loan whose donors see no plaintext.
# guest: 384
# shellcheck disable=SC2034 # what it sources reads it
encrypt=yes
. "$(dirname "$0")/memloan-agent.sh"
