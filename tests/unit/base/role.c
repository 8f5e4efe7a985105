#include "base/role.h"
#include "tap.h"

#include <sys/prctl.h>

static int
for_init(struct err *e)
{
	IN(e, ROLE_INIT);
	return 0;
}

static int
for_both(struct err *e)
{
	IN(e, ROLE_INIT | ROLE_JOIN);
	return 0;
}

int
main(void)
{
	struct err e = {0};
	char comm[17] = "";

	is_int(role_now(), ROLE_HOST, "a process starts as host");
	is_str(role_name(), "host", "its name");
	is_int(for_init(&e), -1, "a call from the wrong role");
	is_str(e.text, "internal order: for_init called in host", "is an ordinary error");
	role_enter(ROLE_JOIN);
	is_int(for_init(&e), -1, "still wrong in join");
	is_int(for_both(&e), 0, "one of two roles");
	role_enter(ROLE_INIT);
	is_int(for_init(&e), 0, "right in init");
	prctl(PR_GET_NAME, comm);
	is_str(comm, "ocirt:init", "the comm name");
	role_enter(ROLE_STAGE);
	prctl(PR_GET_NAME, comm);
	is_str(comm, "ocirt:stage", "of stage");
	is_str(role_name(), "stage", "and its name");
	return done_testing();
}
