#include "storeff.h"

const sf_kernel *sf_kernel_at(size_t index)
{
    static const sf_kernel *const kernels[] = {
#if defined(__x86_64__)
        &sf_avx512, &sf_avx2,
#endif
        &sf_scalar,
    };
    return index < sizeof kernels / sizeof kernels[0] ? kernels[index] : NULL;
}
