#include "initiator-tools/loan/step.h"
#define STUB(run, undo)                                   \
	int step_##run(struct step *s)                    \
	{                                                 \
		return step_fail(s, 38, "not there yet"); \
	}                                                 \
	int step_##undo(struct step *s)                   \
	{                                                 \
		(void)s;                                  \
		return 0;                                 \
	}
STUB(label_run, label_undo)
STUB(group_run, group_undo)
STUB(mirror_run, mirror_undo)
STUB(crypt_run, crypt_undo)
STUB(swap_run, swap_undo)
