#pragma once
#include <stdint.h>
uint64_t claim_key(const char *machine_id, const char *uuid);
