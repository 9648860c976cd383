/*===-- table.c - the runtime's functions as data, for shared objects ------===*/
#include "internal.h"

const qcc_runtime qcc_rt_runtime = {
    QCC_ABI_VERSION, sizeof(qcc_runtime), qcc_status_string,
    qcc_pool_create, qcc_pool_destroy,    qcc_pool_threads,
    qcc_run,         qcc_select_variant,  qcc_run_async,
};
