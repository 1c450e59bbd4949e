// SPDX-License-Identifier: MIT
/* inside.c - see inside.h. */
#include "inside.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "daemon.h"
#include "store/store.h"

static void read_config(struct inside *in, const char *luns, const char *more)
{
	char path[] = "/tmp/memtgt-inside-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	dprintf(fd,
		"portals = ( { address = \"127.0.0.1\"; port = 0; } );\n"
		"targets = ( { name = \"" DAEMON_TARGET
		"\"; luns = ( %s ); access = \"any\"; } );\n"
		"%s%s\n",
		luns, more && strstr(more, "state_dir") ? "" : "state_dir = \"\";\n",
		more ? more : "");
	close(fd);
	int errors = config_load(path, &in->config, stderr);
	unlink(path);
	ck_assert_int_eq(errors, 0);
}

static void start_memory(struct inside *in, unsigned reactors)
{
	struct store_options o;
	char why[LUNS_WHY] = "";

	luns_store_options(in->config, reactors, &o);
	int rc = store_open(&in->store, &o, why, sizeof(why));
	ck_assert_msg(!rc, "%s", why);
	struct store_reader *r = store_reader(in->store, reactors);
	ck_assert_int_eq(luns_create(&in->luns, in->config, in->store, r, in->state), 0);
}

static void wake_all(void *arg)
{
	struct inside *in = arg;

	for (unsigned i = 0; i < in->node.nworkers; i++)
		reactor_wake(&in->node.workers[i].reactor);
}

static void start_node(struct inside *in, unsigned reactors)
{
	struct iscsi_node *n = &in->node;

	n->config = in->config;
	n->targets = in->luns.targets;
	n->ntargets = in->config->ntargets;
	n->workers = calloc(reactors, sizeof(*n->workers));
	ck_assert_ptr_nonnull(n->workers);
	ck_assert_int_eq(iscsi_node_init(n), 0);
	store_on_retire(in->store, wake_all, in);
	for (; n->nworkers < reactors; n->nworkers++) {
		n->workers[n->nworkers].reader = store_reader(in->store, n->nworkers);
		ck_assert_int_eq(iscsi_worker_start(n, n->nworkers, -1), 0);
	}
	luns_serve(&in->luns, n);
}

static void *accept_all(void *arg)
{
	struct inside *in = arg;
	struct pollfd fds[ACCEPTOR_PORTALS_MAX];
	size_t n = acceptor_poll_fds(&in->acceptor, fds);

	while (!in->is_over)
		if (poll(fds, n, 10) > 0)
			acceptor_accept(&in->acceptor, 0);
	return NULL;
}

void inside_start(struct inside *in, unsigned reactors, const char *luns, const char *more)
{
	struct sockaddr_in name;
	socklen_t len = sizeof(name);

	memset(in, 0, sizeof(*in));
	log_set_level(LOG_LEVEL_WARNING);
	read_config(in, luns, more);
	start_memory(in, reactors);
	start_node(in, reactors);
	ck_assert_int_eq(acceptor_open(&in->acceptor, in->config, &in->node), 0);
	ck_assert_int_eq(getsockname(in->acceptor.fds[0], (struct sockaddr *)&name, &len), 0);
	in->port = ntohs(name.sin_port);
	ck_assert_int_eq(pthread_create(&in->accepting, NULL, accept_all, in), 0);
}

void inside_check_pages(struct inside *in, uint64_t used)
{
	struct store_stats st;
	unsigned long long limit = test_now_ms() + DAEMON_PATIENCE_MS;

	do {
		store_get_stats(in->store, &st);
		test_sleep_ms(1);
	} while (st.pages_retired && test_now_ms() < limit);
	ck_assert_uint_eq(st.pages_retired, 0);
	ck_assert_uint_eq(st.pages_used, used);
}

void inside_stop(struct inside *in)
{
	in->is_over = true;
	ck_assert_int_eq(pthread_join(in->accepting, NULL), 0);
	acceptor_close(&in->acceptor);
	luns_close(&in->luns);
	store_stop_filling(in->store);
	iscsi_node_stop(&in->node);
	iscsi_node_free(&in->node);
	in->node.nworkers = 0; /* the store wakes none of them any more */
	free(in->node.workers);
	luns_destroy(&in->luns, false);
	store_close(in->store); /* asserts that nothing is left */
	config_free(in->config);
}
