"""Which patients are scored and how their scores are put together: splits, regions, severities, prompts, tables."""
