/* bench.h: what the three files of the benchmark's runner share.
 *
 * scenario.c reads lives and expands their commands, bench.c runs them and stores samples, table.c
 * prints the samples.  All is in static storage with fixed limits; whoever meets a limit dies
 * with a sentence and status 2.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TARGETS_MAX = 12,
	STEPS_MAX = 32, /* of one life */
	NAMES_MAX = 16, /* of timed steps */
	PAIRS_MAX = 24, /* of each of -d -m -a */
	SAMPLES_MAX = 1 << 18,
	WORDS_MAX = 64, /* of a command */
	TEXT_BYTES = 16384,
	REASON_BYTES = 160,
};

enum kind { TIMED, UNTIMED, PAUSE };

struct step {
	enum kind kind;
	int name;	     /* of a timed step: its place in names[] */
	int ms;		     /* of a pause */
	const char *command; /* not yet expanded */
};

/* What peak.c found for one step.  */
struct memory {
	long rss_kb, memory_kb, calls;
};

struct target {
	const char *name;
	bool peer;    /* may be missing, may fail */
	bool refused; /* its probe failed or it is missing: reason says why */
	struct step steps[STEPS_MAX];
	int n_steps;
	int n_fail; /* lives in which a step failed */
	char reason[REASON_BYTES];
	struct memory memory[NAMES_MAX];
};

struct sample {
	uint8_t target, name;
	uint16_t busy_ms; /* of the whole machine, see settle() */
	uint32_t wall_us, cpu_us;
};

struct pairs {
	const char *words[PAIRS_MAX]; /* NAME=VALUE */
	int n;
};

struct options {
	const char *scenario, *base, *title, *peak, *workload;
	const char *rhythm, *rhythms[2]; /* the present one, all that were asked for */
	long rounds;
	int n_rhythms;
	int csv_fd; /* -1: none */
	int table_fd;
	struct pairs defines, missing, allowed;
};

extern struct options options;
extern struct target targets[TARGETS_MAX];
extern const char *names[NAMES_MAX];
extern struct sample samples[SAMPLES_MAX];
extern int n_targets, n_names, n_samples;

_Noreturn void die(const char *what);
/* Returns RESULT, or dies with errno's words if it is negative.  */
int must(long result, const char *what);
bool is_idle(void);

/* scenario.c */
void read_scenario(const char *path);
/* Cuts the next field off *TEXT, without the blanks around it; NULL at the end.  */
char *next_field(char **text, char separator);
/* The value of the pair whose name is the N bytes at NAME; NULL if there is none.  */
const char *lookup(const struct pairs *pairs, const char *name, size_t n);
/* COMMAND with every {NAME} replaced; valid until the next call.  */
char *expand(const char *command, const char *id);
/* Cuts TEXT into words: ARGV has room for WORDS_MAX, with the NULL at their end.  */
void split(char *text, char **argv);

/* table.c */
/* The target that is 1 in the ratios; dies if the scenario has none of that name.  */
const struct target *base_target(void);
/* The busy time of a sample means something only if no other step lies between two of them.  */
bool tells_busy(void);
/* Returns whether every cell that should be filled is.  */
bool print_tables(void);

#endif
