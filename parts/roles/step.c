#include "roles/step.h"

#include "base/log.h"

int
steps_run(struct err *e, struct run *r, const struct step *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		log_debug("step %s", row[i].name);
		if (row[i].run(e, r) == 0)
			continue;
		steps_undo(r, row, i);
		return -1;
	}
	return 0;
}

void
steps_undo(struct run *r, const struct step *row, size_t n)
{
	while (n-- > 0) {
		if (!row[n].undo)
			continue;
		log_debug("undo %s", row[n].name);
		row[n].undo(r);
	}
}
