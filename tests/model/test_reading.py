"""C source of mm/rmap.c read as steps: made-up functions, and whole kernels if their trees are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.model.errors import ModelError
from kit.model.explore.hunt import QUICK, Hunt, findings
from kit.model.profiles import PROFILES
from kit.model.reading.blocks import function, statements
from kit.model.reading.compared import MARK, read_patch, read_source, same, told
from kit.model.reading.patch import applied, sides
from kit.model.steps import Step

ROOT = Path(__file__).resolve().parents[2]
TREES = Path.home() / ".cache" / "kit" / "trees"
FIRST = ROOT / "patches" / "v3.0" / "637fbbf96fdd.patch"

# In the words of mm/rmap.c, and of none of its versions.
SOURCE = """\
static void anon_vma_chain_link(struct vm_area_struct *vma, struct anon_vma_chain *avc)
{
	list_add(&avc->same_vma, &vma->anon_vma_chain);
}

int anon_vma_clone(struct vm_area_struct *dst, struct vm_area_struct *src)
{
	list_for_each_entry_reverse(pavc, &src->anon_vma_chain, same_vma) {
		avc = anon_vma_chain_alloc(GFP_NOWAIT); /* { not code */
		if (!avc) {
			%s
			avc = anon_vma_chain_alloc(GFP_KERNEL);
			if (!avc)
				goto enomem_failure;
		}
		root = lock_anon_vma_root(root, anon_vma);
		anon_vma_chain_link(dst, avc, anon_vma);
	}
	unlock_anon_vma_root(root);
	return 0;
enomem_failure:
	unlink_anon_vmas(dst);
	return -ENOMEM;
}

static void use_rwsem(void) { down_read(&rwsem); }
"""
UNLOCKED = "unlock_anon_vma_root(root);"


def test_a_function_is_read_as_its_profile_has_it() -> None:
    reading = read_source(SOURCE % UNLOCKED, "made up")
    assert same(reading.read["clone"].cell, PROFILES["3.8"].clone)
    assert reading.base == "3.8"
    assert reading.changed == ()
    assert "anon_vma_clone: as profile 3.8" in list(told(reading))
    assert MARK in reading.profile.name


def test_a_second_try_inside_the_lock_is_read_and_found() -> None:
    """Without the unlock the second allocation may reclaim under the lock."""
    reading = read_source(SOURCE % "", "made up")
    assert reading.changed == ("clone",)
    assert reading.profile.clone.passes[0].steps[0] is Step.ALLOC_KERNEL
    first = next(findings(reading.profile, QUICK, Hunt()))
    assert first.rule == "no allocation that may reclaim under a root's lock"


def test_what_is_not_understood_is_told() -> None:
    reading = read_source(SOURCE % "mutex_lock(&other->mutex);" + "", "made up")
    assert reading.unknown == {}  # inside the second try only its unlock counts
    strange = SOURCE.replace("unlock_anon_vma_root(root);\n\treturn 0", "read_unlock(&strange);\n\treturn 0")
    reading = read_source(strange % UNLOCKED, "made up")
    assert reading.unknown == {"anon_vma_clone": ["read_unlock(&strange)"]}
    assert "  not understood: read_unlock(&strange)" in list(told(reading))


def test_a_way_out_with_the_lock_held_is_told() -> None:
    ends = "\tunlock_anon_vma_root(root);\n\treturn 0"
    assert ends in SOURCE
    early = SOURCE.replace(ends, "\tif (unlucky)\n\t\treturn -ENOMEM;\n" + ends)
    assert read_source(early % UNLOCKED, "made up").unknown == {"anon_vma_clone": ["if (unlucky) return -ENOMEM"]}
    before = SOURCE.replace(
        "\tlist_for_each_entry_reverse", "\tif (unlucky)\n\t\treturn -ENOMEM;\n\tlist_for_each_entry_reverse"
    )
    assert read_source(before % UNLOCKED, "made up").unknown == {}


def test_the_marks_of_a_profile_do_not_hide_what_was_read() -> None:
    assert read_source(SOURCE % UNLOCKED, "made up").profile.clone is PROFILES["3.8"].clone


def test_of_profiles_that_are_alike_the_tree_s_own_is_named() -> None:
    versions = {"": "3.8", "3.8": "3.8", "3.19": "3.8", "6.1": "3.8"}  # only what fits as well counts
    assert {v: read_source(SOURCE % UNLOCKED, "made up", v).base for v in versions} == versions
    rwsem = SOURCE.replace("unlink_anon_vmas(dst);", "dst->anon_vma = NULL; unlink_anon_vmas(dst);")
    reuse = "anon_vma_chain_link(dst, avc, anon_vma);\n\t\tif (!dst->anon_vma && src->anon_vma &&\n\t\t"
    reuse += "    anon_vma->num_children < 2 && anon_vma->num_active_vmas == 0)\n\t\t\tdst->anon_vma = anon_vma;"
    counted = rwsem.replace("anon_vma_chain_link(dst, avc, anon_vma);", reuse).replace(
        "\tunlock_anon_vma_root(root);\n\treturn 0",
        "\tif (dst->anon_vma)\n\t\tdst->anon_vma->num_active_vmas++;\n\tunlock_anon_vma_root(root);\n\treturn 0",
    )
    told_of = {v: read_source(counted % UNLOCKED, "made up", v) for v in ("", "6.0", "6.1", "6.12", "7.0")}
    assert {v: one.base for v, one in told_of.items()} == {
        **{"": "6.0", "6.0": "6.0", "6.1": "6.1", "6.12": "6.12", "7.0": "6.0"}
    }
    assert "anon_vma_clone: as profile 6.1" in list(told(told_of["6.1"]))


def test_source_without_the_functions_is_refused() -> None:
    with pytest.raises(ModelError, match=r"none of the functions of mm/rmap\.c"):
        read_source("int main(void) { return 0; }", "x.c")


def test_637fbbf_earns_its_lockdep_report_without_a_profile_being_named() -> None:
    reading = read_patch(FIRST.read_text(), FIRST.name)
    assert reading.base == "3.0-rc1"
    assert reading.changed == ("clone",)
    assert same(reading.profile.clone, PROFILES["3.0-637fbbf"].clone)
    first = next(findings(reading.profile, QUICK, Hunt()))
    assert first.rule == "no allocation that may reclaim under a root's lock"
    assert first.counted <= 15


def test_a_patch_elsewhere_is_refused() -> None:
    with pytest.raises(ModelError, match=r"does not change mm/rmap\.c"):
        sides((ROOT / "patches" / "v6.1" / "pipe-lock-twice.patch").read_text())


def test_a_patch_needs_a_tree_where_it_shows_no_whole_function() -> None:
    with pytest.raises(ModelError, match="name the tree that it is for"):
        read_patch((ROOT / "patches" / "v6.1" / "unbatch-unlink.patch").read_text(), "unbatch-unlink.patch")


def test_a_patch_applies_to_the_letter_or_not_at_all() -> None:
    patch = "--- a/mm/rmap.c\n+++ b/mm/rmap.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
    assert applied("zero\none\ntwo\nfour", patch) == "zero\none\nthree\nfour"
    with pytest.raises(ModelError, match="no place for the hunk that begins 'one'"):
        applied("one\n2\n", patch)


def test_statements_are_nested_as_c_nests_them() -> None:
    body = function("int f(void)\n{\n\tif (a)\n\t\tb();\n\telse {\n\t\tc();\n\t}\n\tout:\n\td();\n}\n", "f")
    assert body is not None
    found = [(node.kind, node.text, [inner.text for inner in node.body]) for node in statements(body)]
    assert found == [("if", "a", ["b()"]), ("else", "", ["c()"]), ("label", "out", []), ("stmt", "d()", [])]
    assert function("int f(void);", "f") is None


# The trees that are unpacked on this machine

AS = {"5.10": "6.0", "6.1": "6.1", "6.12": "6.12", "7.3": "7.0"}


@pytest.mark.parametrize("version", AS)
def test_every_function_of_a_tree_is_as_its_profile(version: str) -> None:
    found = sorted(TREES.glob(f"debian-{version}.*/mm/rmap.c"))
    if not found:
        pytest.skip(f"no tree of {version} is unpacked in {TREES}")
    reading = read_source(found[0].read_text(), version, version)
    assert reading.base == AS[version]
    row = PROFILES[AS[version]]
    assert reading.unknown == {}
    assert {cell: same(one.cell, row.cells[cell]) for cell, one in reading.read.items()} == dict.fromkeys(
        ("prepare", "clone", "fork", "unlink", "put", "free"), True
    )


def test_a_patch_to_a_tree_changes_what_it_changes() -> None:
    found = sorted(TREES.glob("debian-6.1.*/mm/rmap.c"))
    if not found:
        pytest.skip(f"no tree of 6.1 is unpacked in {TREES}")
    patch = ROOT / "tests" / "boot" / "broken" / "one-pass-unlink.patch"
    reading = read_patch(patch.read_text(), patch.name, found[0].read_text())
    assert reading.changed == ("unlink",)
    rules = [finding.rule for finding in findings(reading.profile, QUICK, Hunt())]
    assert rules[0] == "no lock is taken twice by its holder"
