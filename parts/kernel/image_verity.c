#include "kernel/image.h"

#include "base/fd.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define CONTROL "/dev/mapper/control"
#define NASCENT "ocirt-new" /* a device that nobody holds yet; one at a time, by a lock */

enum {
	TRIES = 16,
	SECTORS = MANIFEST_BLOCK / 512,
	LOCK_MAX = 5000, /* ms */
};

static struct {
	struct kabi_dm head;
	union {
		struct kabi_dm_target target;
		char name[128]; /* a new one */
	};
} call;

static int
control_open(void)
{
	return openat(AT_FDCWD, CONTROL, O_RDWR | O_CLOEXEC);
}

/* What a call answers lies in `call`, too. */
static int
ask(int control, unsigned int request, const char *name, uint32_t flags)
{
	call.head = (struct kabi_dm){.version = {4},
		.data_size = sizeof call,
		.data_start = sizeof call.head,
		.target_count = 1,
		.flags = flags};
	memcpy(call.head.name, name, strlen(name));
	return ioctl(control, (int)request, &call);
}

bool
image_can_verity(void)
{
	FD_AUTO int control = control_open();

	return control >= 0 && ask(control, KABI_DM_GET_TARGET_VERSION, "verity", 0) == 0;
}

/* Who was killed has left one; or it is just going. */
static int
create(int control)
{
	int done, tries = 0;

	do {
		done = ask(control, KABI_DM_DEV_CREATE, NASCENT, 0);
		if (done == 0 || errno != EBUSY)
			return done;
		(void)ask(control, KABI_DM_DEV_REMOVE, NASCENT, 0);
	} while (++tries < TRIES);
	errno = EBUSY;
	return -1;
}

static int
load(int control, const struct image *i)
{
	const struct manifest_verity *v = i->verity;

	call.target = (struct kabi_dm_target){
		.length = v->data_blocks * SECTORS, .target_type = "verity"};
	(void)str_format(call.target.parameters, sizeof call.target.parameters,
		"1 %s %s 4096 4096 %llu %llu sha256 %s %s", i->device, i->device,
		(unsigned long long)v->data_blocks, (unsigned long long)v->data_blocks + 1,
		v->root_hash, v->salt); /* fits */
	return ask(control, KABI_DM_TABLE_LOAD, NASCENT, KABI_DM_READONLY);
}

/* Opened and so marked, it goes with its last user, wherever we are killed; not opened, now. */
static int
hold(int control, struct image *i)
{
	uint64_t dev = call.head.dev;
	int done = load(control, i), saved;
	struct stat s;

	if (done == 0) {
		(void)str_format(i->device, sizeof i->device, "/dev/dm-%u",
			(unsigned int)((dev & 0xff) | (dev >> 12 & ~0xffu))); /* fits */
		done = i->dm = openat(AT_FDCWD, i->device, O_RDONLY | O_CLOEXEC);
	}
	saved = errno;
	if (ask(control, KABI_DM_DEV_REMOVE, NASCENT, KABI_DM_DEFERRED_REMOVE) < 0)
		return -1;
	errno = saved;
	if (done < 0 || fstat(i->dm, &s) < 0)
		return -1;
	errno = ENODEV; /* the node of another device */
	return s.st_rdev == dev ? 0 : -1;
}

/* Named and without a lock it leaves room for the next. */
static int
make(int control, struct image *i)
{
	char name[32];

	(void)str_format(name, sizeof name, "ocirt-%s", str_base(i->device)); /* fits */
	if (fd_lock(control, LOCK_MAX) < 0 || create(control) < 0 || hold(control, i) < 0)
		return -1;
	memcpy(call.name, name, sizeof name);
	if (ask(control, KABI_DM_DEV_RENAME, NASCENT, 0) < 0)
		return -1;
	return ask(control, KABI_DM_DEV_SUSPEND, name, 0); /* resumes */
}

int
image_verity(struct err *e, struct image *i)
{
	FD_AUTO int control = -1;

	IN(e, ROLE_HOST);
	if (!i->verity)
		return 0;
	control = control_open();
	if (control < 0 || make(control, i) < 0)
		return fail_errno(e, "root.path: " CONTROL);
	return 0;
}
