/* jsmn, compiled once.  Without parent links closing an object scans backwards, which a crafted
 * text makes quadratic; base/json.c is the only other file that includes the header, with the same
 * define. */
#define JSMN_PARENT_LINKS
#include <jsmn.h>
