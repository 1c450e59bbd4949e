// SPDX-License-Identifier: MIT
/* Run a suite of Check the way tests/run reads it: TAP on stdout, exit status 0 or 1. */
#include <stdlib.h>

#include "test_main.h"

int test_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	int ran = srunner_ntests_run(runner);
	srunner_free(runner);
	return failed || !ran ? EXIT_FAILURE : EXIT_SUCCESS;
}
