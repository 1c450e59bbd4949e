#!/bin/bash
# SPDX-License-Identifier: MIT
# Spelling of documents, comments and messages. Words of the protocol are in .codespellrc.
. "$(dirname "$0")/../lib/functions.sh"
need codespell

cd "$MEMTGT_SRC"
mapfile -t files < <(sources "include target tests initiator-tools etc" c h def sh py md pod conf txt list
	ls bootstrap ./*.md packages.txt configure.ac Makefile.am)
looked_at "${#files[@]}" "files"
codespell "${files[@]}" || fail "misspelt words"
