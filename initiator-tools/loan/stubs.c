#include "initiator-tools/host/claim.h"
#include "initiator-tools/loan/step.h"
#define STEP(id, scope, word, run, undo, text)            \
	int step_##run(struct step *s)                    \
	{                                                 \
		return step_fail(s, 38, "not there yet"); \
	}                                                 \
	int step_##undo(struct step *s)                   \
	{                                                 \
		(void)s;                                  \
		return 0;                                 \
	}
#include "initiator-tools/loan/steps.def"
uint64_t claim_key(const char *a, const char *b)
{
	(void)a;
	(void)b;
	return 1;
}
