
/*
 * Copyright (C) the ngx_rd authors
 */


#ifndef _NGX_RD_REFUSAL_EVIDENCE_H_INCLUDED_
#define _NGX_RD_REFUSAL_EVIDENCE_H_INCLUDED_


#include "../../ngx_rd_module.h"


/*
 * After the line about session_unknown: asks CTFd's Redis how many keys each
 * of its databases has, and logs it at warn, which tells a wrong db= from a
 * cache in files.  One call at a time; no line where Redis refuses INFO.
 * Event loop.  log outlives the worker's configuration.
 */
void  ngx_rd_refusal_evidence(ngx_rd_main_conf_t *rmcf, ngx_log_t *log);


#endif /* _NGX_RD_REFUSAL_EVIDENCE_H_INCLUDED_ */
