/* SPDX-License-Identifier: MIT */
/* show.h - donors for people, as tables, and for programs, as JSON. */
#ifndef MEMTGT_LOAN_SHOW_H
#define MEMTGT_LOAN_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "initiator-tools/donor.h"

/* In the order of the array. `is_long`: a second table has the LUNs. */
void show_donors(FILE *out, struct donor *const *donors, size_t n, bool is_long);

/* {"asked_bytes", "donors"}; NULL: no memory. */
json_t *show_json(struct donor *const *donors, size_t n, uint64_t asked);

#endif
