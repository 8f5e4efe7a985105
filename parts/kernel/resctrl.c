#include "kernel/resctrl.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/role.h"
#include "base/str.h"
#include "base/sys.h"
#include "spec/view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMATA_MAX = 4096 }; /* bytes of the file */

static const char property[] = "linux.intelRdt";

static int
write_below(struct err *e, const char *dir, const char *file, const char *text)
{
	FD_AUTO int fd = openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_errno(e, "%s: open %s", property, dir);
	return fd_write_file(e, fd, file, text) < 0 ? context(e, "%s: %s", property, dir) : 0;
}

int
resctrl_write(struct err *e, const char *group, const char *schema)
{
	char line[SCHEMATA_MAX];

	if (!schema)
		return 0;
	if (str_format(line, sizeof line, "%s\n", schema) < 0)
		return fail(e, "%s: a schema is longer than %d bytes", property, SCHEMATA_MAX - 2);
	return write_below(e, group, "schemata", line);
}

/* Makes a list of a line of schemata: "    L3:0=00F;1=ff" is "l3,0=f,1=ff".  Linux
 * pads masks with zeros and numbers with blanks (6.1; later ones do not). */
static void
unpad(char *line)
{
	char *out = line, before = '\0';

	for (; *line; line++) {
		if (*line == ' ' || (before == '=' && *line == '0' && line[1] && line[1] != ';'))
			continue;
		before = *line == ':' || *line == ';' ? ',' : (char)(*line | 0x20);
		*out++ = before;
	}
	*out = '\0';
}

/* Is everything of one list in the other? */
static bool
within(const char *list, char *part)
{
	char *end;

	for (; *part; part = end) {
		end = part + str_until(part, ",");
		if (*end)
			*end++ = '\0';
		if (!str_listed(list, part))
			return false;
	}
	return true;
}

/* Does a line of the file set each domain that the schema names to the same value? */
static int
compare(struct err *e, const char *group, const char *schema)
{
	FD_AUTO int dir = openat(AT_FDCWD, group, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char text[SCHEMATA_MAX], part[SCHEMATA_MAX];
	char *end;

	if (!schema)
		return 0;
	if (dir < 0)
		return fail_errno(e, "%s: open %s", property, group);
	if (fd_read_file(e, dir, "schemata", text, sizeof text) < 0)
		return context(e, "%s: %s", property, group);
	for (char *line = text; *line; line = end) {
		end = line + str_until(line, "\n");
		if (*end)
			*end++ = '\0';
		unpad(line);
		if (str_format(part, sizeof part, "%s", schema) < 0)
			break;
		unpad(part);
		if (within(line, part))
			return 0;
	}
	return fail(
		e, "%s: %s exists, and \"%s\" is not among its schemata", property, group, schema);
}

int
resctrl_survey(struct err *e, const struct plan_rdt *p)
{
	struct stat st;

	IN(e, ROLE_HOST);
	if (p->own && stat(p->group, &st) == 0)
		return fail(e, "%s: %s exists already", property, p->group);
	return 0;
}

static int
make_group(struct err *e, const struct plan_rdt *p, bool *made)
{
	struct stat st;

	if (p->must_exist)
		return stat(p->group, &st) < 0 ? fail_errno(e, "%s.closID: %s", property, p->group)
					       : 0;
	*made = sys_mkdirat(AT_FDCWD, p->group, 0755) == 0;
	if (*made)
		return 0;
	if (errno != EEXIST || p->own)
		return fail_errno(e, "%s: mkdir %s", property, p->group);
	TRY(compare(e, p->group, p->spec->l3_cache_schema));
	return compare(e, p->group, p->spec->mem_bw_schema);
}

int
resctrl_make(struct err *e, const struct plan_rdt *p, bool *made)
{
	IN(e, ROLE_HOST);
	*made = false;
	if (!p->group)
		return 0;
	TRY(make_group(e, p, made));
	if (*made) {
		TRY(resctrl_write(e, p->group, p->spec->l3_cache_schema));
		TRY(resctrl_write(e, p->group, p->spec->mem_bw_schema));
	}
	for (uint32_t i = 0; i < p->spec->schemata.n; i++)
		TRY(resctrl_write(e, p->group, p->spec->schemata.at[i]));
	if (p->monitor && sys_mkdirat(AT_FDCWD, p->monitor, 0755) < 0)
		return fail_errno(e, "%s.enableMonitoring: mkdir %s", property, p->monitor);
	return 0;
}

int
resctrl_enter(struct err *e, const char *group, const char *monitor, const char *pid)
{
	IN(e, ROLE_HOST | ROLE_STAGE);
	if (!group || !*group)
		return 0;
	TRY(write_below(e, group, "tasks", pid));
	return monitor && *monitor ? write_below(e, monitor, "tasks", pid) : 0;
}

static void
remove_one(const char *dir)
{
	if (dir && *dir && sys_unlinkat(AT_FDCWD, dir, AT_REMOVEDIR) < 0 && errno != ENOENT)
		log_warning("%s: rmdir %s: %s", property, dir, errno_text(errno));
}

void
resctrl_remove(const char *group, const char *monitor)
{
	remove_one(monitor);
	remove_one(group);
}
