
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_ACI_H_INCLUDED_
#define _NGX_RD_ACI_H_INCLUDED_


#include "src/ngx_rd.h"


/* Provider "aci": container groups in Azure Container Instances. */


/*
 * Any thread.  May a configuration ask for it?  When not, *reason (if reason
 * is not NULL) is the sentence to answer with; static text.
 */
ngx_uint_t  ngx_rd_aci_available(const char **reason);


#endif /* _NGX_RD_ACI_H_INCLUDED_ */
