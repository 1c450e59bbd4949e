#!/bin/bash
# SPDX-License-Identifier: MIT
# memloan-donors.sh - memloan asks the donors from a host that could borrow.
. "$(dirname "$0")/../inside/lib.sh"
. "$(dirname "$0")/../inside/loan.sh"

prepare_memloan
know_donors A B C
check "all donors answer" memloan donors --size 100M --timeout 60
equal "usable" "$(grep -c ' usable ' /tmp/check.out)" 3
