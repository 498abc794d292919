//! What an index setting means where it is not set.

use super::values::same_value;

/// Defaults that are the same in every version from 7.10 on. A setting equal to its default has no effect and counts as
/// unset; one whose default changed between versions is not listed.
const DEFAULTS: [(&str, &str); 76] = [
    ("number_of_shards", "1"),
    ("number_of_replicas", "1"),
    ("refresh_interval", "1s"),
    ("translog.durability", "request"),
    ("translog.sync_interval", "5s"),
    ("max_result_window", "10000"),
    ("max_inner_result_window", "100"),
    ("max_rescore_window", "10000"),
    ("max_docvalue_fields_search", "100"),
    ("max_script_fields", "32"),
    ("max_ngram_diff", "1"),
    ("max_shingle_diff", "3"),
    ("max_terms_count", "65536"),
    ("max_regex_length", "1000"),
    ("max_slices_per_scroll", "1024"),
    ("max_refresh_listeners", "1000"),
    ("highlight.max_analyzed_offset", "1000000"),
    ("analyze.max_token_count", "10000"),
    ("mapping.total_fields.limit", "1000"),
    ("mapping.total_fields.ignore_dynamic_beyond_limit", "false"),
    ("mapping.depth.limit", "20"),
    ("mapping.nested_fields.limit", "50"),
    ("mapping.nested_objects.limit", "10000"),
    ("mapping.field_name_length.limit", "9223372036854775807"),
    ("mapping.ignore_malformed", "false"),
    ("mapping.coerce", "true"),
    ("mapper.dynamic", "true"),
    ("codec", "default"),
    ("auto_expand_replicas", "false"),
    ("queries.cache.enabled", "true"),
    ("requests.cache.enable", "true"),
    ("blocks.read_only", "false"),
    ("blocks.read", "false"),
    ("blocks.write", "false"),
    ("blocks.metadata", "false"),
    ("blocks.read_only_allow_delete", "false"),
    ("hidden", "false"),
    ("priority", "1"),
    ("gc_deletes", "60s"),
    ("routing.allocation.enable", "all"),
    ("routing.rebalance.enable", "all"),
    ("routing.allocation.total_shards_per_node", "-1"),
    ("routing.allocation.include._tier_preference", "data_content"),
    ("allocation.max_retries", "5"),
    ("soft_deletes.enabled", "true"),
    ("soft_deletes.retention_lease.period", "12h"),
    ("mode", "standard"),
    ("routing_partition_size", "1"),
    ("default_pipeline", "_none"),
    ("final_pipeline", "_none"),
    ("lifecycle.name", ""),
    ("lifecycle.rollover_alias", ""),
    ("lifecycle.indexing_complete", "false"),
    ("lifecycle.parse_origination_date", "false"),
    ("lifecycle.origination_date", "-1"),
    ("lifecycle.prefer_ilm", "true"),
    ("search.idle.after", "30s"),
    ("search.throttled", "false"),
    ("frozen", "false"),
    ("unassigned.node_left.delayed_timeout", "1m"),
    ("load_fixed_bitset_filters_eagerly", "true"),
    ("shard.check_on_startup", "false"),
    ("write.wait_for_active_shards", "1"),
    ("query.default_field", "*"),
    ("query_string.lenient", "false"),
    ("query.parse.allow_unmapped_fields", "true"),
    ("store.type", ""),
    ("store.preload", "[]"),
    ("store.stats_refresh_interval", "10s"),
    ("merge.enabled", "true"),
    ("merge.scheduler.auto_throttle", "true"),
    ("bloom_filter_for_id_field.enabled", "true"),
    ("indexing.slowlog.source", "1000"),
    ("indexing.slowlog.reformat", "true"),
    ("indexing.slowlog.level", "TRACE"),
    ("search.slowlog.level", "TRACE"),
];

/// What an index setting (without `index.`) means where it is not set, as far as it is the same in every version.
pub(super) fn default_of(name: &str) -> Option<&'static str> {
    if name.contains("slowlog.threshold.") {
        return Some("-1");
    }
    DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, default)| *default)
}

/// Whether a setting has no effect, because it only spells out its default.
pub(super) fn is_default(name: &str, value: &str) -> bool {
    default_of(name).is_some_and(|default| same_value(name, default, value))
}
