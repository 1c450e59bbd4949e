// SPDX-License-Identifier: MIT
/*
 * fuzz_pr_list - any bytes as the parameter list of PERSISTENT RESERVE OUT: the first is the
 * service action. Each TransportID that is taken is in lower case, and written again it is the same
 * but for its padding.
 */
#include "fuzz/fuzz.h"
#include "scsi/pr_list.h"

#include <stdlib.h>
#include <string.h>

static void check_port(const struct claim_port *p)
{
	uint8_t id[4 + SCSI_PORT_NAME_MAX + 4];
	const size_t len = strnlen(p->name, sizeof(p->name));
	struct writer w = writer_of(id, sizeof(id));

	REQUIRE(len > 17 && len <= SCSI_PORT_NAME_MAX);
	pr_put_transport_id(&w, p->name);
	REQUIRE(!writer_full(&w) && writer_len(&w) == pr_transport_id_len(p->name));
	REQUIRE(!memcmp(id + 4, p->name, len + 1));
	for (size_t i = 0; i < len; i++)
		REQUIRE(p->name[i] < 'A' || p->name[i] > 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	if (!n)
		return 0;
	struct claim_request req = {.action = (enum claim_action)(in[0] % 8)};
	struct claim_port *ports = calloc(pr_list_ports(n - 1), sizeof(*ports));
	uint8_t *copy = malloc(n);

	REQUIRE(ports && copy);
	memcpy(copy, in + 1, n - 1);
	struct scsi_result r = pr_list_read(copy, n - 1, &req, ports);
	if (r.outcome == SENSE_OK) {
		REQUIRE(n - 1 >= PR_LIST_MIN && req.nports < pr_list_ports(n - 1));
		for (unsigned i = 0; i < req.nports; i++)
			check_port(&req.ports[i]);
	} else if (r.has_field) {
		REQUIRE(r.outcome == SENSE_BAD_LIST_FIELD && r.field < n);
	} else {
		REQUIRE(r.outcome == SENSE_BAD_LIST_LENGTH);
	}
	free(copy);
	free(ports);
	return 0;
}
