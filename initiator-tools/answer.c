// SPDX-License-Identifier: MIT
/* answer.c - parameter data, read through bounded cursors. */
#include "initiator-tools/answer.h"

#include <stdio.h>
#include <string.h>

enum vpd { VPD_SERIAL = 0x80, VPD_IDENTIFICATION = 0x83, VPD_PROVISIONING = 0xb2 };
enum { LOG_PROVISIONING = 0x0c, RESOURCE_AVAILABLE = 0x0001, RESOURCE_USED = 0x0002 };
enum { SCOPE_SHARED = 2 };
enum { DESIGNATOR_NAA = 3, OF_LU = 0, TRANSPORT_ISCSI = 5 };

#define BLOCK_MIN 512u
#define BLOCK_MAX 65536u

/* The next n bytes as a cursor of their own; fewer if there are fewer. */
static struct cursor part(struct cursor *c, size_t n)
{
	if (n > c->left)
		n = c->left;
	return cursor_of(cursor_take(c, n), n);
}

void answer_text(const uint8_t *p, size_t n, char *out, size_t room)
{
	if (n > room - 1)
		n = room - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '?');
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

bool answer_inquiry(struct cursor c, struct donor_lun *l)
{
	uint8_t peripheral = cursor_u8(&c);

	if (c.bad)
		return false;
	/* SPC-4 table 180, 181: qualifier 000b, type 00h */
	l->is_disk = peripheral == 0;
	return true;
}

/* What follows the header of a VPD page. SPC-4 7.8 */
static bool vpd(struct cursor *c, enum vpd page)
{
	cursor_take(c, 1);
	bool is_it = cursor_u8(c) == page;
	uint16_t len = cursor_u16(c);

	*c = part(c, c->bad ? 0 : len);
	return is_it && c->left;
}

bool answer_serial(struct cursor c, struct donor_lun *l)
{
	if (!vpd(&c, VPD_SERIAL))
		return false;
	answer_text(c.p, c.left, l->serial, sizeof(l->serial));
	return true;
}

/* The NAA designator of the unit itself. SPC-4 7.8.6.6 */
bool answer_identification(struct cursor c, struct donor_lun *l)
{
	if (!vpd(&c, VPD_IDENTIFICATION))
		return false;
	while (c.left) {
		cursor_take(&c, 1);
		uint8_t type = cursor_u8(&c);
		cursor_take(&c, 1);
		uint8_t len = cursor_u8(&c);
		const uint8_t *p = cursor_take(&c, len);
		if (c.bad)
			return l->naa[0] != '\0';
		if ((type & 0x0f) != DESIGNATOR_NAA || (type >> 4 & 3) != OF_LU)
			continue;
		if (len != 8 && len != 16)
			continue;
		for (size_t i = 0; i < len; i++)
			snprintf(l->naa + 2 * i, 3, "%02x", p[i]);
		return true;
	}
	return false;
}

bool answer_provisioning(struct cursor c, struct donor_lun *l)
{
	if (!vpd(&c, VPD_PROVISIONING))
		return false;
	uint8_t exponent = cursor_u8(&c);
	cursor_take(&c, 1);
	uint8_t type = cursor_u8(&c);
	if (c.bad)
		return false;
	l->threshold_exponent = exponent;
	l->is_thin = (type & 7) == 2;
	l->has_provisioning = true;
	return true;
}

bool answer_capacity(struct cursor c, struct donor_lun *l)
{
	uint64_t last = cursor_u64(&c), size;
	uint32_t block = cursor_u32(&c);

	if (c.bad || block < BLOCK_MIN || block > BLOCK_MAX || (block & (block - 1)))
		return false;
	if (__builtin_add_overflow(last, 1u, &last) || __builtin_mul_overflow(last, block, &size))
		return false;
	l->size = size;
	l->block_size = block;
	return true;
}

/* One parameter that counts a resource. SBC-3 6.3.4.2 */
static void take_resource(uint16_t code, struct cursor value, struct donor_lun *l)
{
	uint32_t count = cursor_u32(&value);
	uint8_t scope = cursor_u8(&value) & 3;

	if (value.bad)
		return;
	if (code == RESOURCE_AVAILABLE) {
		l->available = count;
		l->is_shared = scope == SCOPE_SHARED;
		l->has_available = true;
	} else if (code == RESOURCE_USED) {
		l->used = count;
		l->has_used = true;
	}
}

bool answer_log(struct cursor c, struct donor_lun *l)
{
	uint8_t page = cursor_u8(&c);

	cursor_take(&c, 1);
	uint16_t len = cursor_u16(&c);
	if (c.bad || (page & 0x3f) != LOG_PROVISIONING)
		return false;
	for (c = part(&c, len); c.left;) {
		uint16_t code = cursor_u16(&c);
		cursor_take(&c, 1);
		uint8_t n = cursor_u8(&c);
		const uint8_t *p = cursor_take(&c, n);
		if (c.bad) /* cut: what was whole counts */
			break;
		take_resource(code, cursor_of(p, n), l);
	}
	return l->has_available || l->has_used;
}

/* What follows PRGENERATION and ADDITIONAL LENGTH; *told: how much there should be. */
static bool pr_in(struct cursor *c, uint32_t *told)
{
	cursor_take(c, 4);
	*told = cursor_u32(c);
	if (c->bad)
		return false;
	*c = part(c, *told);
	return true;
}

bool answer_keys(struct cursor c, struct donor_lun *l)
{
	uint32_t told;

	if (!pr_in(&c, &told) || told % 8)
		return false;
	l->has_keys = true;
	l->keys = told / 8; /* more than came, if the list was cut */
	l->key = cursor_u64(&c);
	return true;
}

bool answer_reservation(struct cursor c, struct donor_lun *l)
{
	uint32_t told;

	if (!pr_in(&c, &told))
		return false;
	if (told) {
		cursor_take(&c, 13);
		l->reservation = cursor_u8(&c) & 0x0f;
		if (c.bad) {
			l->reservation = 0;
			return false;
		}
	}
	l->has_reservation = true;
	return true;
}

/* SPC-4 7.6.4.6: the name of a TransportID, without the ISID that follows in format 01b. */
static void transport_name(struct cursor c, char name[static ISCSI_NAME_MAX + 1])
{
	uint8_t kind = cursor_u8(&c);

	cursor_take(&c, 1);
	uint16_t len = cursor_u16(&c);
	c = part(&c, len);
	size_t n = c.left ? strnlen((const char *)c.p, c.left) : 0;
	const uint8_t *comma = n ? memchr(c.p, ',', n) : NULL;
	if ((kind & 0x0f) != TRANSPORT_ISCSI || !n)
		snprintf(name, ISCSI_NAME_MAX + 1, "?");
	else
		answer_text(c.p, comma ? (size_t)(comma - c.p) : n, name, ISCSI_NAME_MAX + 1);
}

static void add_claim(struct donor_lun *l, const char *name)
{
	for (unsigned i = 0; i < l->nclaims && i < DONOR_CLAIMS_MAX; i++)
		if (!strcmp(l->claims[i], name))
			return;
	if (l->nclaims < DONOR_CLAIMS_MAX)
		memcpy(l->claims[l->nclaims], name, strlen(name) + 1);
	l->nclaims++;
}

/* Each registration is a claim, whether or not it holds the reservation: with type 7 all do. */
bool answer_claims(struct cursor c, struct donor_lun *l)
{
	char name[ISCSI_NAME_MAX + 1];
	uint32_t told;

	if (!pr_in(&c, &told))
		return false;
	unsigned found = 0;
	while (c.left) {
		cursor_take(&c, 20);
		uint32_t len = cursor_u32(&c);
		if (c.bad)
			break;
		transport_name(part(&c, len), name);
		add_claim(l, name);
		found++;
	}
	if (told && !found)
		return false;
	l->has_claims = true;
	return true;
}

/* SAM-5 4.7.7.2, 4.7.7.3: one level, by peripheral (bus 0) or flat addressing. */
static bool simple_lun(const uint8_t lun[static 8], unsigned *id)
{
	static const uint8_t zero[6];
	unsigned method = lun[0] >> 6;

	*id = method == 1 ? ld16(lun) & 0x3fffu : ld16(lun);
	return method <= 1 && (method == 1 || *id < 256) && !memcmp(lun + 2, zero, sizeof(zero));
}

bool answer_luns(struct cursor c, bool (*lun)(void *arg, unsigned id), void *arg)
{
	uint32_t len = cursor_u32(&c);
	unsigned id;

	cursor_take(&c, 4);
	if (c.bad)
		return false;
	for (c = part(&c, len); c.left >= 8;) {
		const uint8_t *p = cursor_take(&c, 8);
		if (simple_lun(p, &id) && !lun(arg, id))
			break;
	}
	return true;
}
