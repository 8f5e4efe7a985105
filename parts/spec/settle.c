#include "spec/settle.h"

#include <sys/stat.h>

static void
settle_device(struct spec_device *d)
{
	uint32_t type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;

	if (d->type == 'p')
		d->major = d->minor = -1;
	if ((d->file_mode & S_IFMT) == type)
		d->file_mode &= ~(uint32_t)S_IFMT;
}

void
settle_linux(struct spec_linux *l)
{
	for (uint32_t i = 0; i < l->devices.n; i++)
		settle_device(&l->devices.at[i]);
	for (uint32_t i = 0; i < l->net_devices.n; i++)
		if (!l->net_devices.at[i].value)
			l->net_devices.at[i].value = l->net_devices.at[i].name;
}
