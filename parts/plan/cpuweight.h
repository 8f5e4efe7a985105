/* cpuweight: cpu.shares of cgroup v1 as cpu.weight of v2.
 *
 * Contract: cpuweight_of_shares() gives ceil(10 ^ ((l * l + 125 * l) / 612 - 7 / 34)) for l the
 * logarithm to base 2 of the shares; 2 and less are 1, 262144 and more 10000.  Exact for every
 * input, without floating point: a test compares all of them with the formula.
 *
 * Floor: plan.  Runs in: any process; pure.
 * Spec: config-linux.md#cpu (CC-1): the conversion that maps 2, 1024 and 262144 to 1, 100 and
 * 10000.
 */
#ifndef PLAN_CPUWEIGHT_H
#define PLAN_CPUWEIGHT_H

#include <stdint.h>

uint32_t cpuweight_of_shares(uint64_t shares);

#endif
