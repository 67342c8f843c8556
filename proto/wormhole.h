#error "renamed: include proto/boss.h; struct boss, boss_*, enum boss_state (BOSS_NEW ...), enum boss_event, boss_code_end: the store owns the names wormhole_* and WORMHOLE_*"
