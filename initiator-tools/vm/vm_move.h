/* SPDX-License-Identifier: MIT */
/*
 * vm_move.h - the command "vm-move": the disk of a running guest from one donor's LUN to another's.
 *
 * QEMU copies (blockdev-mirror) and changes over, the guest goes on meanwhile. What is under way is
 * known to QEMU alone: before a LUN is used, a note about it is put to the block node that the
 * guest uses, as the name of a dirty bitmap; so a run that was killed is finished, or undone, by
 * the next, whatever became of the host's files. A note goes when its LUN has been emptied.
 *
 * The copy is made in the background: a guest's write never waits for the donor to which it moves,
 * and if that is lost the guest goes on where it is.
 */
#ifndef MEMTGT_VM_MOVE_H
#define MEMTGT_VM_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "initiator-tools/command.h"

/* Places in the way of a move, for tests that end it there. */
#define VM_PHASES(X)                                                           \
	X(CHOSEN, "chosen")	    /* nothing is done yet */                  \
	X(NOTED, "noted")	    /* the new LUN is noted at the old node */ \
	X(ADDED, "added")	    /* QEMU has logged in to it */             \
	X(MARKED, "marked")	    /* old and new LUN are marked */           \
	X(COPYING, "copying")	    /* the mirror has begun */                 \
	X(READY, "ready")	    /* all is copied */                        \
	X(COMPLETING, "completing") /* QEMU was told to change over */         \
	X(PIVOTED, "pivoted")	    /* the guest is on the new LUN */          \
	X(DELETED, "deleted")	    /* QEMU has left the old one */            \
	X(EMPTIED, "emptied")	    /* which is empty */                       \
	X(DONE, "done")

enum vm_phase {
#define X(id, word) VM_##id,
	VM_PHASES(X)
#undef X
		VM_PHASES_COUNT,
};

struct vm_rules {
	bool (*is_own)(int fd);		 /* own_host() */
	void (*at)(enum vm_phase phase); /* NULL: nobody looks */
	unsigned copies;		 /* so often may a disk be copied whole */
	uint64_t stall_ns;		 /* so long may nothing be copied */
	uint64_t cancel_ns;		 /* so long is the end of a copy waited for */
};

int vm_move_with(const struct command_line *c, const struct vm_rules *rules);

/* An exit status of memloan(8). */
int vm_move_run(const struct command_line *c);

#endif
