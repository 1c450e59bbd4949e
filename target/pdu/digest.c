// SPDX-License-Identifier: MIT
/* digest.c - the last step of a digest. */
#include "pdu/digest.h"

void digest_final(uint32_t crc, uint8_t out[static 4])
{
	crc = ~crc;
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(crc >> 8 * i);
}
