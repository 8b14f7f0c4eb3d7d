/* Memory that the model knows: every writable VMA of an image is written to when it begins. */
#ifndef KIT_TOUCH_H
#define KIT_TOUCH_H

/* Give every writable private VMA its anon_vma; the stack has one since exec. */
void touch(void);

#endif
