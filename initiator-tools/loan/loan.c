// SPDX-License-Identifier: MIT
/* loan.c - legs, names, words. */
#include "initiator-tools/loan/loan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *loan_kind_word(enum loan_kind k)
{
	static const char *const words[] = {
#define X(id, word) [LOAN_##id] = word,
		LOAN_KINDS(X)
#undef X
	};

	return words[k];
}

const char *step_state_word(enum step_state s)
{
	static const char *const words[] = {
#define X(id, word) [STEP_##id] = word,
		STEP_STATES(X)
#undef X
	};

	return words[s];
}

uint64_t loan_round(uint64_t bytes)
{
	return (bytes + LOAN_EXTENT - 1) / LOAN_EXTENT * LOAN_EXTENT;
}

static void free_leg(struct loan_leg *leg)
{
	for (size_t i = 0; i < leg->ndisks; i++) {
		free(leg->disks[i].chap_user);
		free(leg->disks[i].chap_secret_file);
	}
	free(leg->disks);
}

void loan_free(struct loan *l)
{
	for (size_t i = 0; i < l->nlegs; i++)
		free_leg(&l->legs[i]);
	for (size_t i = 0; i < l->nleft; i++)
		free_leg(&l->left[i]);
	*l = (struct loan){0};
}

struct loan_leg *loan_add_leg(struct loan *l, size_t ndisks)
{
	if (l->nlegs == LOAN_LEGS_MAX || !ndisks || ndisks > LOAN_DISKS_MAX)
		return NULL;
	struct loan_leg *leg = &l->legs[l->nlegs];
	*leg = (struct loan_leg){.id = l->next_leg, .ndisks = ndisks};
	leg->disks = calloc(ndisks, sizeof(*leg->disks));
	if (!leg->disks)
		return NULL;
	l->nlegs++;
	l->next_leg++;
	return leg;
}

static void close_gap(struct loan_leg *legs, size_t *n, size_t at)
{
	--*n;
	memmove(&legs[at], &legs[at + 1], (*n - at) * sizeof(*legs));
	memset(&legs[*n], 0, sizeof(*legs));
}

void loan_remove_leg(struct loan *l, size_t leg)
{
	free_leg(&l->legs[leg]);
	close_gap(l->legs, &l->nlegs, leg);
}

void loan_remove_left(struct loan *l, size_t left)
{
	free_leg(&l->left[left]);
	close_gap(l->left, &l->nleft, left);
}

void loan_leave_leg(struct loan *l, size_t leg)
{
	if (l->nleft == LOAN_LEGS_MAX)
		loan_remove_left(l, 0);
	struct loan_leg *left = &l->left[l->nleft++];
	*left = l->legs[leg];
	left->is_lost = false;
	close_gap(l->legs, &l->nlegs, leg);
}

unsigned loan_wanted(const struct loan *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->nlegs; i++)
		n += !l->legs[i].is_unwanted;
	return n;
}

unsigned loan_copies(const struct loan *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->nlegs; i++)
		n += l->legs[i].steps[STEP_MIRROR] == STEP_DONE && !l->legs[i].is_lost &&
		     !l->legs[i].is_away;
	return n;
}

bool loan_is_complete(const struct loan *l)
{
	return loan_is_as_promised(l) && !l->is_ending && l->steps[STEP_SIZE] == STEP_DONE &&
	       l->steps[STEP_CRYPT] == STEP_DONE && l->steps[STEP_SWAP] == STEP_DONE;
}

bool loan_is_as_promised(const struct loan *l)
{
	unsigned wanted = loan_wanted(l);

	return wanted == l->wish.copies && l->nlegs == wanted && loan_copies(l) == wanted;
}

void loan_group(const struct loan *l, char out[static LOAN_GROUP_BYTES])
{
	snprintf(out, LOAN_GROUP_BYTES, "memtgt_%s", l->wish.name);
}

void loan_volume_path(const struct loan *l, char out[static LOAN_PATH_BYTES])
{
	snprintf(out, LOAN_PATH_BYTES, "/dev/mapper/memtgt_%s-data", l->wish.name);
}

void loan_used_path(const struct loan *l, char out[static LOAN_PATH_BYTES])
{
	if (l->wish.is_encrypted)
		snprintf(out, LOAN_PATH_BYTES, "/dev/mapper/memtgt_%s_crypt", l->wish.name);
	else
		loan_volume_path(l, out);
}
