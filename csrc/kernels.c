#include "internal.h"

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

const char *sf_kernel_name(const sf_kernel *kernel)
{
    return kernel->name;
}

int sf_kernel_runs_here(const sf_kernel *kernel)
{
    return kernel->runs_here();
}
