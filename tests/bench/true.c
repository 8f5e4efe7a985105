/* true: the workload of every benchmark and, spawned by itself, the meaning of "bare".
 *
 * Without arguments it returns 0 at once; with any it waits until it is killed, for the containers
 * that must still be there when they are looked at.
 */
#include <unistd.h>

int
main(int argc, char **argv)
{
	(void)argv; /* only their number counts */
	if (argc > 1)
		pause();
	return 0;
}
