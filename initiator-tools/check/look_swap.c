// SPDX-License-Identifier: MIT
/* look_swap.c - swap areas on donors' disks. */
#include <string.h>

#include "initiator-tools/check/finding.h"
#include "initiator-tools/check/tree.h"

static bool areas_known(const struct facts *f, struct finding *out)
{
	if (f->areas_err)
		finding_unknown(out, "/proc/swaps: %s", strerror(-f->areas_err));
	return !f->areas_err;
}

static bool attribute_is(const struct area *a, const char *attribute, const char *value)
{
	char word[TREE_WORD_MAX];

	return block_attribute(a->block, attribute, word, sizeof(word)) && !strcmp(word, value);
}

/* How it was switched on only the kernel's log tells; when that has gone, nobody does. */
void look_discard(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && attribute_is(a, "queue/discard_max_bytes", "0"))
			finding_add(out, "%s cannot discard", a->path);
		else if (a->is_remote && a->has_flags && !a->discards)
			finding_add(out, "%s was switched on without --discard", a->path);
	}
}

void look_rotational(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && attribute_is(a, "queue/rotational", "1"))
			finding_add(out, "%s", a->path);
	}
}

void look_unmanaged(const struct facts *f, struct finding *out)
{
	if (!areas_known(f, out))
		return;
	for (size_t i = 0; i < f->areas.n; i++) {
		const struct area *a = &f->areas.all[i];
		if (a->is_remote && !a->is_loan)
			finding_add(out, "%s", a->path);
	}
}
