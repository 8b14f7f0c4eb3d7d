"""The actions that no rule looks at, as Promela, in the notation of kit.model.promela.actions. Data only."""

from __future__ import annotations

from kit.model.promela.rules import loop

AV_OF = "av_root[$av]"
SPARE = "nens++; $spare[$spares] = nens; $spares++"
TAKE_OUT = "$spare[0] = $spare[1]; $spare[1] = 0; $spares--; "
INSERT = (  # by rising address
    "n = vm_mm[$vma]; areas[n*CH + arean[n]] = $vma; i = arean[n]; arean[n]++; "
    "do :: i > 0 && vm_low[areas[n*CH + i]] < vm_low[areas[n*CH + i - 1]] -> s = areas[n*CH + i]; "
    "areas[n*CH + i] = areas[n*CH + i - 1]; areas[n*CH + i - 1] = s; i-- :: else -> break od; i = 0; n = 0; s = 0;"
)
AREAS = "s = arean[n]; " + loop("i", "s", "$todo[i] = areas[n*CH + i]") + " $todos = s; $ti = 0; n = 0; s = 0;"
NEAR = "k = areas[vm_mm[$vma]*CH + i]; if :: !$found && {0} && chn[k] == 1 && vm_own[k] != 0 -> {1} :: else fi"
TAKES = "$av = vm_own[k]; $found = 1"
PLAIN = {
    "jump": "goto TO;",
    "next": "if :: $ti == $todos -> CLEAR; goto TO :: else -> $entry = $todo[$ti]; $ti++; $av = en_av[$entry] fi;",
    "next_vma": "if :: $ti == $todos -> CLEAR; goto TO :: else -> $vma = $todo[$ti]; $ti++; $src = 0 fi;",
    "alloc_nowait": f"if :: {SPARE}; goto TO :: fails > 0 -> fails-- fi;",
    "free_spare": loop("i", "$spares", "en_freed[$spare[i]] = 1; $spare[i] = 0") + " $spares = 0;",
    "find_mergeable": (
        loop("i", "arean[vm_mm[$vma]]", NEAR.format("vm_low[k] == vm_high[$vma]", TAKES))
        + loop("i", "arean[vm_mm[$vma]]", NEAR.format("vm_high[k] == vm_low[$vma]", TAKES))
        + " k = 0;"
    ),
    "own": "vm_own[$vma] = $av; $new = 0;",
    "keep_empty": "if :: $empty -> goto TO :: else fi;",
    "skip_unused": "if :: vm_own[$src] == 0 -> goto TO :: else fi;",
    "skip_ownless": "if :: vm_own[$vma] == 0 -> goto TO :: else fi;",
    "done_if_reused": "if :: vm_own[$vma] != 0 -> goto TO :: else fi;",
    "unless_owned": "if :: vm_own[$vma] == 0 -> goto TO :: else fi;",
    "unless_empty": "if :: !$empty -> goto TO :: else fi;",
    "unless_unpinned": "if :: !$unpinned -> goto TO :: else fi;",
    "unless_unmapped": "if :: MAPPED($av) -> goto TO :: else fi;",
    "forget": "vm_own[$vma] = 0;",
    "forget_uncounted": (
        "n = 0; "
        + loop("i", "chn[$vma]", "if :: en_av[ch[$vma*CH + i]] == vm_own[$vma] -> n = 1 :: else fi")
        + " if :: n -> n = 0 :: else -> vm_own[$vma] = 0 fi;"
    ),
    "adopt_root": "av_root[$av] = av_root[vm_own[$src]]; av_parent[$av] = vm_own[$src];",
    "pin_root": f"av_ref[{AV_OF}]++;",
    "pin": f"if :: !MAPPED($av) && !HOLDS({AV_OF}) -> LEAVE :: else -> av_ref[$av]++; $pinned = 1 fi;",
    "root_is_own": f"if :: {AV_OF} == $av -> goto TO :: else fi;",
    "rcu_lock": "rcu++;",
    "rcu_unlock": "rcu--;",
    "mm_unlock": "mm_holder[$space] = 0;",
    "mm_gone": "n = ($new != 0 -> $new : $space); mm_gone[n] = 1; mm_holder[n] = 0; n = 0;",
    "mm_publish": "mm_holder[$new] = 0;",
    "new_mm": "nmms++; $new = nmms; mm_holder[nmms] = me;",
    "each_vma": f"n = $space; {AREAS}",
    "each_child_vma": f"n = $new; {AREAS}",
    "dup_vma": (
        "nvms++; vm_mm[nvms] = ($new != 0 -> $new : $space); vm_own[nvms] = vm_own[$vma]; vm_low[nvms] = vm_low[$vma]; "
        "vm_high[nvms] = vm_high[$vma]; $src = $vma; $vma = nvms;"
    ),
    "adopt_vma": f"if :: $new != 0 && vm_own[$vma] != 0 -> vm_pages[$vma] = vm_pages[$src] :: else fi; {INSERT}",
    "pick_vma": "if :: vm_gone[$vma] -> goto TO :: else fi;",
    "pick_page": (
        "if :: vm_pages[$vma] == 0 -> goto TO "
        ":: else -> if :: (vm_pages[$vma] >> vm_own[$vma]) & 1 -> $av = vm_own[$vma] "
        ":: else -> i = 0; do :: !((vm_pages[$vma] >> i) & 1) -> i++ :: else -> break od; $av = i; i = 0 fi fi;"
    ),
    "if_attached": "if :: vm_own[$vma] == 0 -> goto TO :: else fi;",
    "if_attached_src": "if :: vm_own[$src] == 0 -> goto TO :: else fi;",
    "unless_importing": "if :: vm_own[$vma] != 0 || vm_own[$src] == 0 -> goto TO :: else fi;",
    "own_of_src": "vm_own[$vma] = vm_own[$src];",
    "map_page": "if :: vm_own[$vma] != 0 -> vm_pages[$vma] = vm_pages[$vma] | (1 << vm_own[$vma]) :: else fi;",
    "drop_pages": "vm_pages[$vma] = 0;",
    "take_pages": (
        "vm_pages[$vma] = vm_pages[$vma] | vm_pages[$src]; vm_pages[$src] = 0; "
        "if :: vm_low[$src] < vm_low[$vma] -> vm_low[$vma] = vm_low[$src] :: else fi; "
        "if :: vm_high[$src] > vm_high[$vma] -> vm_high[$vma] = vm_high[$src] :: else fi;"
    ),
    "move_pages": (
        "vm_pages[$vma] = vm_pages[$src]; vm_pages[$src] = 0; "
        "vm_low[$vma] = vm_low[$vma] + 100; vm_high[$vma] = vm_high[$vma] + 100;"
    ),
    "cut_vma": (
        "n = (vm_low[$src] + vm_high[$src]) / 2; vm_high[$src] = n; vm_low[$vma] = n; vm_pages[$vma] = vm_pages[$src]; "
        + INSERT
    ),
    "call_free": "CALL(free: vma=$vma, av=$av)",
    "call_unlink": "CALL(unlink: vma=$vma)",
    "call_unlink_src": "CALL(unlink: vma=$src)",
    "call_fork": "CALL(fork: vma=$vma, src=$src)",
    "call_prepare": "if :: vm_own[$vma] == 0 -> CALL(prepare: vma=$vma) :: else fi;",
    "call_expand": "CALL(expand: vma=$vma)",
    "call_move": "CALL(move: vma=$src)",
    "call_adjust_split": "CALL(adjust: vma=$src, inserting=1)",
    "call_adjust_merge": "CALL(adjust: vma=$vma, src=$src, importing=1)",
    "call_referenced": "CALL(referenced: vma=$vma, av=$av)",
    "call_unmap": "CALL(unmap: vma=$vma, av=$av)",
    "call_migrate": "CALL(migrate: vma=$vma, av=$av)",
    "call_clone": "CALL(clone: vma=$vma, src=$src, forking=FORKING)",
}
