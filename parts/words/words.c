
#include "words/words.h"

#include "base/str.h"
#include "base/sys.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* The columns of words.def.  The names of a list stand one behind another in one text; so there is
 * no pointer to relocate and no byte of padding. */

/* Where each list begins, among the rows and in the text */
enum {
#define BEGIN(list, noun) ROW_##list, LAST_##list = ROW_##list - 1
#define WORD(name, value) +1
#define END ,
#include "words/words.def"
#undef BEGIN
#undef WORD
};

enum {
#define BEGIN(list, noun) TEXT_##list, BACK_##list = TEXT_##list - 1
#define WORD(name, value) +(int)sizeof(name)
#include "words/words.def"
#undef BEGIN
#undef WORD
#undef END
};

static const char names[] =
#define BEGIN(list, noun)
#define WORD(name, value) name "\0"
#define END
#include "words/words.def"
#undef WORD
	;

static const uint8_t sizes[] = {
#define BEGIN(list, noun)
#define WORD(name, value) sizeof(name),
#define END
#include "words/words.def"
#undef WORD
};

static const int32_t values[] = {
#define WORD(name, value) value,
#include "words/words.def"
#undef BEGIN
#undef WORD
};

static const struct {
	uint8_t row, n;
	uint16_t text;
} lists[WORDS_LISTS] = {
#define BEGIN(list, noun) [WORDS_##list] = {ROW_##list, LAST_##list - ROW_##list + 1, TEXT_##list},
#define WORD(name, value)
#include "words/words.def"
#undef BEGIN
#undef WORD
#undef END
};

/* In the order of the file, which is that of enum words */
static const char nouns[] =
#define BEGIN(list, noun) noun "\0"
#define WORD(name, value)
#define END
#include "words/words.def"
#undef BEGIN
#undef WORD
#undef END
	;

/* clang-format off */

/* By enum namespace: namespaces(7), the names of /proc/PID/ns, and what runc's state file says */
static const struct {
	uint32_t flag;
	char file[8], runc[12];
} namespace_kernel[NAMESPACES] = {
	[NAMESPACE_USER]	= { CLONE_NEWUSER,	"user",		"NEWUSER" },
	[NAMESPACE_CGROUP]	= { CLONE_NEWCGROUP,	"cgroup",	"NEWCGROUP" },
	[NAMESPACE_IPC]		= { CLONE_NEWIPC,	"ipc",		"NEWIPC" },
	[NAMESPACE_UTS]		= { CLONE_NEWUTS,	"uts",		"NEWUTS" },
	[NAMESPACE_NETWORK]	= { CLONE_NEWNET,	"net",		"NEWNET" },
	[NAMESPACE_PID]		= { CLONE_NEWPID,	"pid",		"NEWPID" },
	[NAMESPACE_TIME]	= { CLONE_NEWTIME,	"time",		"NEWTIME" },
	[NAMESPACE_MOUNT]	= { CLONE_NEWNS,	"mnt",		"NEWNS" },
};

/* clang-format on */

size_t
words_count(enum words list)
{
	return lists[list].n;
}

const char *
words_row(enum words list, size_t row)
{
	const char *name = names + lists[list].text;

	while (row-- > 0)
		name = str_after(name);
	return name;
}

const char *
words_noun(enum words list)
{
	const char *noun = nouns;

	while (list-- > 0)
		noun = str_after(noun);
	return noun;
}

int
words_find(enum words list, const char *name)
{
	int first = lists[list].row;
	int row = str_index(names + lists[list].text, sizes + first, lists[list].n, name);

	return row < 0 ? -1 : values[first + row];
}

const char *
words_name(enum words list, int value)
{
	for (int i = 0; i < lists[list].n; i++)
		if (values[lists[list].row + i] == value)
			return words_row(list, (size_t)i);
	return NULL;
}

uint64_t words_namespace_flag(enum namespace ns)
{
	return namespace_kernel[ns].flag;
}

const char *words_namespace_file(enum namespace ns)
{
	return namespace_kernel[ns].file;
}

const char *words_namespace_runc(enum namespace ns)
{
	return namespace_kernel[ns].runc;
}

/* What programs and engines mean by SIGRTMIN is glibc's first free one, whatever libc we are
 * linked with: systemd's SIGRTMIN+3 is 37.  (The kernel begins at 32, musl at 35.) */
enum { SIGNAL_RTMIN = 34, SIGNAL_MAX = _NSIG - 1 };

enum { WORD_MAX = 32 }; /* bytes of a signal as people write it, with its NUL */

/* The number behind "RTMIN" or "RTMAX": "", "+N" or "-N". */
static int
realtime_number(const char *rest, int base, char sign)
{
	uint64_t n;

	if (!*rest)
		return base;
	if (*rest != sign || str_u64(rest + 1, &n) < 0 || n > SIGNAL_MAX - SIGNAL_RTMIN)
		return -1;
	return sign == '+' ? base + (int)n : base - (int)n;
}

int
words_signal_number(const char *text)
{
	char name[3 + WORD_MAX] = "SIG", *upper = name + 3;
	const char *full = name, *bare;
	uint64_t number;
	size_t n = 0;

	if (str_u64(text, &number) == 0)
		return number <= SIGNAL_MAX ? (int)number : -1;
	for (; text[n] && n < WORD_MAX - 1; n++)
		upper[n] = text[n] >= 'a' && text[n] <= 'z' ? (char)(text[n] - 'a' + 'A') : text[n];
	upper[n] = '\0';
	if (text[n])
		return -1;
	if (str_starts(upper, "SIG"))
		full = upper;
	bare = full + 3;
	if (str_starts(bare, "RTMIN"))
		return realtime_number(bare + 5, SIGNAL_RTMIN, '+');
	if (str_starts(bare, "RTMAX"))
		return realtime_number(bare + 5, SIGNAL_MAX, '-');
	return words_find(WORDS_SIGNAL, full);
}
