#include <stdint.h>
#include <stdlib.h>

#include "cr_csp.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       answer;
    cr_str_t  policy;

    policy.p = (const char *) data;
    policy.n = size;

    answer = cr_csp_allows(policy);

    if (answer != 0 && answer != 1) {
        abort();
    }

    return 0;
}
