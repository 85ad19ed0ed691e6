"""What AWS asks no money for, type by type: configuration of something that is paid elsewhere, or nothing at all.

Whole families stand here only where none of their types is paid for. What is missing is no free thing: an estimate
says that nobody knows its price.
"""

FREE_FAMILIES = (
    *("aws_appautoscaling_", "aws_autoscaling_lifecycle", "aws_autoscaling_policy", "aws_autoscaling_schedule"),
    *("aws_ce_", "aws_iam_", "aws_security_group", "aws_vpc_security_group"),
    # Of Terraform itself, and of its providers that make nothing anywhere.
    *("terraform_data", "null_resource", "random_", "time_", "tls_"),
)
FREE = {
    *("aws_account_alias", "aws_ec2_tag", "aws_key_pair", "aws_launch_template", "aws_placement_group"),
    *("aws_vpc", "aws_subnet", "aws_internet_gateway", "aws_egress_only_internet_gateway", "aws_network_interface"),
    *("aws_default_network_acl", "aws_default_route_table", "aws_default_security_group", "aws_network_acl"),
    # Not the family: a hosted zone, a resolver and a health check of Route 53 cost money.
    *("aws_route", "aws_route_table", "aws_route_table_association", "aws_main_route_table_association"),
    *("aws_route53_record", "aws_route53_zone_association", "aws_route53_vpc_association_authorization"),
    *("aws_vpc_endpoint_policy", "aws_vpc_endpoint_route_table_association"),
    "aws_vpc_endpoint_security_group_association",
    *("aws_batch_job_queue", "aws_batch_job_definition", "aws_batch_scheduling_policy"),
    # A model is a record; its files are in a bucket, its machines belong to the endpoint's configuration.
    *("aws_sagemaker_model", "aws_sagemaker_model_package_group", "aws_sagemaker_endpoint"),
    *("aws_sagemaker_model_package_group_policy", "aws_resourcegroups_group", "aws_ebs_encryption_by_default"),
    # Inventories, analytics and request metrics of a bucket are paid.
    *("aws_s3_account_public_access_block", "aws_s3_bucket_acl", "aws_s3_bucket_cors_configuration"),
    *("aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_logging", "aws_s3_bucket_notification"),
    *("aws_s3_bucket_object_lock_configuration", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy"),
    *("aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration"),
    "aws_s3_bucket_versioning",
    *("aws_ecr_lifecycle_policy", "aws_ecr_registry_policy", "aws_ecr_replication_configuration"),
    *("aws_ecr_pull_through_cache_rule", "aws_ecr_repository_policy", "aws_ecr_repository_creation_template"),
    *("aws_kms_alias", "aws_kms_grant", "aws_kms_key_policy", "aws_secretsmanager_secret_version"),
    *("aws_sns_topic_policy", "aws_sns_topic_subscription", "aws_sqs_queue_policy"),
    *("aws_sqs_queue_redrive_policy", "aws_sqs_queue_redrive_allow_policy"),
    *("aws_lambda_alias", "aws_lambda_event_source_mapping", "aws_lambda_permission"),
    *("aws_scheduler_schedule_group", "aws_cloudwatch_event_rule", "aws_cloudwatch_event_target"),
    *("aws_cloudwatch_event_permission", "aws_cloudwatch_event_bus_policy"),
    *("aws_cloudwatch_log_resource_policy", "aws_cloudwatch_log_stream", "aws_cloudwatch_log_subscription_filter"),
    *("aws_api_gateway_account", "aws_api_gateway_deployment", "aws_api_gateway_method_settings"),
    *("aws_api_gateway_rest_api_policy", "aws_api_gateway_resource", "aws_api_gateway_method"),
    *("aws_api_gateway_integration", "aws_api_gateway_domain_name", "aws_api_gateway_base_path_mapping"),
    *("aws_wafv2_web_acl_association", "aws_wafv2_web_acl_logging_configuration"),
    # The first two budgets with an action are free in each account; an environment has one.
    *("aws_budgets_budget", "aws_budgets_budget_action", "aws_servicequotas_service_quota"),
    *("aws_accessanalyzer_archive_rule", "aws_guardduty_detector_feature", "aws_macie2_classification_export"),
    *("aws_config_delivery_channel", "aws_config_configuration_recorder_status"),
    "aws_macie2_classification_export_configuration",
    *("aws_iot_thing_type", "aws_iot_thing_group", "aws_iot_policy", "aws_iot_provisioning_template"),
    *("aws_iot_role_alias", "aws_iot_logging_options", "aws_iot_event_configurations", "aws_iot_billing_group"),
    "aws_iot_topic_rule_destination",
}


def is_free(kind: str) -> bool:
    """Tell whether nothing is asked for a type."""
    return kind in FREE or kind.startswith(FREE_FAMILIES)
