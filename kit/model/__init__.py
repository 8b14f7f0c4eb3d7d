"""The reference model of the anon_vma locking. Standard library only; knows nothing of the rest of kit."""
