// SPDX-License-Identifier: MIT
/* show.c - one row for a donor, one for a LUN; in JSON what is unknown is null. */
#include "initiator-tools/show.h"

#include <string.h>

#include "base/table.h"

#define CELL_BYTES  256
#define COLUMNS_MAX 12
#define US	    1000.0 /* nanoseconds */

typedef char cell[CELL_BYTES];

/* ---- cells ---- */

static void put_bytes(cell out, bool is_known, uint64_t bytes)
{
	if (is_known)
		table_bytes(out, CELL_BYTES, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
	else
		snprintf(out, CELL_BYTES, "-");
}

static void put_us(cell out, bool is_known, uint64_t ns)
{
	snprintf(out, CELL_BYTES, is_known ? "%.0f us" : "-", (double)ns / US);
}

static uint64_t rate(const struct donor_path *p)
{
	return p->ns ? (uint64_t)((double)p->bytes * 1e9 / (double)p->ns) : 0;
}

static void put_rate(cell out, const struct donor_path *p)
{
	put_bytes(out, p->bytes, rate(p));
	if (p->bytes)
		snprintf(out + strlen(out), CELL_BYTES - strlen(out), "/s");
}

static const char *claim_word(enum donor_claim c)
{
	static const char *const words[] = {
		[CLAIM_UNKNOWN] = "unknown",
		[CLAIM_NONE] = "free",
		[CLAIM_OURS] = "ours",
		[CLAIM_OTHERS] = "claimed",
	};

	return words[c];
}

static const char *kind_word(const struct donor_lun *l)
{
	return !l->has_provisioning ? "-" : l->is_thin ? "thin" : "full";
}

static void put_claims(cell out, const struct donor_lun *l)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < l->nclaims && i < DONOR_CLAIMS_MAX && used < CELL_BYTES; i++)
		used += (size_t)snprintf(out + used, CELL_BYTES - used, "%s%s", i ? ", " : "",
					 l->claims[i]);
	if (!l->nclaims && l->has_keys && l->keys)
		snprintf(out, CELL_BYTES, "key %016llx", (unsigned long long)l->key);
	else if (l->nclaims > DONOR_CLAIMS_MAX && used < CELL_BYTES)
		snprintf(out + used, CELL_BYTES - used, ", ...");
}

/* ---- tables ---- */

static struct table_column donor_columns[] = {
	{.heading = "DONOR"},
	{.heading = "STATE"},
	{.heading = "FREE", .is_number = true},
	{.heading = "LUNS", .is_number = true},
	{.heading = "P50", .is_number = true},
	{.heading = "P99", .is_number = true},
	{.heading = "RATE", .is_number = true},
	{.heading = "WHY"},
};

static void donor_cells(const struct donor *d, cell cells[static COLUMNS_MAX])
{
	const struct donor_path *p = &d->path;

	snprintf(cells[0], CELL_BYTES, "%s", d->name);
	snprintf(cells[1], CELL_BYTES, "%s", donor_state_word(d->state));
	put_bytes(cells[2], d->nluns && d->has_free, d->free);
	snprintf(cells[3], CELL_BYTES, d->nluns ? "%zu/%zu" : "-", d->free_luns, d->nluns);
	put_us(cells[4], p->samples, p->p50);
	put_us(cells[5], p->samples, p->p99);
	put_rate(cells[6], p);
	const char *meaning = donor_state_usable(d->state) ? "" : donor_state_text(d->state);
	snprintf(cells[7], CELL_BYTES, "%s", d->why[0] ? d->why : meaning);
}

static struct table_column lun_columns[] = {
	{.heading = "DONOR"},
	{.heading = "TARGET"},
	{.heading = "LUN", .is_number = true},
	{.heading = "SIZE", .is_number = true},
	{.heading = "KIND"},
	{.heading = "READY"},
	{.heading = "CLAIM"},
	{.heading = "BY"},
};

static void lun_cells(const struct donor *d, const struct donor_lun *l,
		      cell cells[static COLUMNS_MAX])
{
	static const char *const ready[] = {
		[READY_UNKNOWN] = "-", [READY_YES] = "yes", [READY_NO] = "no"};

	snprintf(cells[0], CELL_BYTES, "%s", d->name);
	snprintf(cells[1], CELL_BYTES, "%s", l->target);
	snprintf(cells[2], CELL_BYTES, "%u", l->id);
	put_bytes(cells[3], l->size, l->size);
	snprintf(cells[4], CELL_BYTES, "%s", kind_word(l));
	snprintf(cells[5], CELL_BYTES, "%s", ready[l->ready]);
	snprintf(cells[6], CELL_BYTES, "%s", claim_word(l->claim));
	put_claims(cells[7], l);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* out NULL: only makes the columns as wide as needed. */
static void row(FILE *out, struct table_column *columns, size_t n, cell *cells)
{
	for (size_t i = 0; i < n; i++)
		if (out)
			table_cell(out, columns, n, i, cells[i]);
		else
			table_widen(&columns[i], cells[i]);
}

static void donor_rows(FILE *out, struct donor *const *donors, size_t n)
{
	cell cells[COLUMNS_MAX];

	for (size_t i = 0; i < n; i++) {
		donor_cells(donors[i], cells);
		row(out, donor_columns, COUNT(donor_columns), cells);
	}
}

static void lun_rows(FILE *out, struct donor *const *donors, size_t n)
{
	cell cells[COLUMNS_MAX];

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < donors[i]->nluns; k++) {
			lun_cells(donors[i], &donors[i]->luns[k], cells);
			row(out, lun_columns, COUNT(lun_columns), cells);
		}
}

static void table(FILE *out, struct table_column *columns, size_t ncolumns,
		  struct donor *const *donors, size_t n,
		  void (*rows)(FILE *, struct donor *const *, size_t))
{
	table_begin(columns, ncolumns);
	rows(NULL, donors, n);
	table_headings(out, columns, ncolumns);
	rows(out, donors, n);
}

void show_donors(FILE *out, struct donor *const *donors, size_t n, bool is_long)
{
	table(out, donor_columns, COUNT(donor_columns), donors, n, donor_rows);
	if (!is_long)
		return;
	fputc('\n', out);
	table(out, lun_columns, COUNT(lun_columns), donors, n, lun_rows);
}

/* ---- JSON ---- */

static json_t *number(bool is_known, uint64_t v)
{
	return is_known ? json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v) : json_null();
}

static json_t *text(const char *t)
{
	return *t ? json_string(t) : json_null();
}

static json_t *claims_json(const struct donor_lun *l)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < l->nclaims && i < DONOR_CLAIMS_MAX; i++)
		json_array_append_new(list, json_string(l->claims[i]));
	return list;
}

static json_t *lun_json(const struct donor_lun *l)
{
	uint64_t available = 0, used = 0;
	bool has_available = l->has_available && donor_lun_bytes(l, l->available, &available);
	bool has_used = l->has_used && donor_lun_bytes(l, l->used, &used);

	return json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
			 "target", l->target, "lun", (int)l->id, "size", number(l->size, l->size),
			 "block_size", number(l->block_size, l->block_size), "thin",
			 l->has_provisioning ? json_boolean(l->is_thin) : json_null(), "ready",
			 l->ready ? json_boolean(l->ready == READY_YES) : json_null(),
			 "available_bytes", number(has_available, available), "used_bytes",
			 number(has_used, used), "naa", text(l->naa), "serial", text(l->serial),
			 "claim", claim_word(l->claim), "claimed_by", claims_json(l), "keys",
			 number(l->has_keys, l->keys), "reservation_type",
			 number(l->has_reservation, l->reservation));
}

static json_t *luns_json(const struct donor *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->nluns; i++)
		json_array_append_new(list, lun_json(&d->luns[i]));
	return list;
}

static json_t *path_json(const struct donor_path *p)
{
	return json_pack("{s:i, s:o, s:o, s:o, s:o}", "samples", (int)p->samples, "p50_ns",
			 number(p->samples, p->p50), "p99_ns", number(p->samples, p->p99), "bytes",
			 number(true, p->bytes), "bytes_per_second", number(p->bytes, rate(p)));
}

static json_t *donor_json(const struct donor *d)
{
	json_t *portals = json_array();

	for (size_t i = 0; i < d->nportals; i++)
		json_array_append_new(portals, json_string(d->portals[i]));
	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:b, s:s, s:o, s:i, s:b, s:i, s:o, s:o}",
			 "name", d->name, "portals", portals, "address", text(d->address), "state",
			 donor_state_word(d->state), "usable", donor_state_usable(d->state),
			 "this_host", d->is_own, "why", d->why, "free_bytes",
			 number(d->nluns && d->has_free, d->free), "targets", (int)d->ntargets,
			 "cut", d->is_cut, "free_luns", (int)d->free_luns, "path",
			 path_json(&d->path), "luns", luns_json(d));
}

json_t *show_json(struct donor *const *donors, size_t n, uint64_t asked)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(list, donor_json(donors[i]))) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:o, s:o}", "asked_bytes", number(asked, asked), "donors", list);
}
