//! What parameters of a mapping mean where they are not written down.

/// Default of a member of the mapping itself.
pub(super) fn root_default(name: &str) -> Option<&'static str> {
    Some(match name {
        "dynamic" | "date_detection" | "_source.enabled" | "_field_names.enabled" => "true",
        "numeric_detection" | "_routing.required" | "_size.enabled" => "false",
        "dynamic_date_formats" => r#"["strict_date_optional_time","yyyy/MM/dd HH:mm:ss Z||yyyy/MM/dd Z"]"#,
        "subobjects" => "true",
        _ => return None,
    })
}

/// Default of a parameter of a field of this type, as far as it is the same in every version from 7.10 on and does not
/// depend on the settings of the index.
pub(super) fn parameter_default(kind: &str, parameter: &str) -> Option<&'static str> {
    Some(match (kind, parameter) {
        ("object" | "nested", "enabled") | ("object", "subobjects") => "true",
        ("nested", "include_in_parent" | "include_in_root") => "false",
        ("text", "norms") => "true",
        ("text" | "search_as_you_type", "index_options") => "positions",
        ("text", "fielddata" | "index_phrases") => "false",
        ("text" | "search_as_you_type" | "annotated_text", "term_vector") => "no",
        ("text" | "annotated_text", "position_increment_gap") => "100",
        ("completion", "analyzer") => "simple",
        ("text" | "search_as_you_type" | "annotated_text", "analyzer") => "default",
        ("text" | "keyword" | "search_as_you_type", "similarity") => "BM25",
        ("keyword", "norms" | "split_queries_on_whitespace") => "false",
        ("keyword", "index_options") => "docs",
        ("keyword" | "flattened", "ignore_above") => "2147483647",
        ("flattened", "depth_limit") => "20",
        ("date", "format") => "strict_date_optional_time||epoch_millis",
        ("date_nanos", "format") => "strict_date_optional_time_nanos||epoch_millis",
        ("date_range", "format") => "strict_date_optional_time||epoch_millis",
        ("binary", "doc_values") => "false",
        ("completion", "preserve_separators" | "preserve_position_increments") => "true",
        ("completion", "max_input_length") => "50",
        ("geo_point" | "geo_shape" | "point" | "shape", "ignore_z_value") => "true",
        ("geo_shape" | "shape", "orientation") => "right",
        ("geo_shape", "strategy") => "recursive",
        ("join", "eager_global_ordinals") => "true",
        ("search_as_you_type", "max_shingle_size") => "3",
        ("rank_feature", "positive_score_impact") => "true",
        ("text", "doc_values") => return None,
        (_, "index" | "doc_values") => "true",
        (_, "store" | "eager_global_ordinals" | "time_series_dimension") => "false",
        (_, "boost") => "1.0",
        (_, "on_script_error") => "fail",
        (_, "enabled") => "true",
        _ => return None,
    })
}
