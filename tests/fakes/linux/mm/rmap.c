// SPDX-License-Identifier: GPL-2.0
/*
 * Stands for the kernel's mm/rmap.c. What a guest does that boots it is said
 * in comments, which tests/fakes/qemu reads.
 */

/* profile: 6.1 */

int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	/* Clone every entry of the chain. */
	return 0;
}

void unlink_anon_vmas(struct vm_area_struct *vma)
{
}
