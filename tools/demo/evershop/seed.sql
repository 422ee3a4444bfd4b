-- What EverShop's own demo data lacks before anybody can order: somewhere to
-- ship to, two ways to do it, and a way to pay.

WITH zone AS (
    INSERT INTO shipping_zone (name) VALUES ('Everywhere we know')
    RETURNING shipping_zone_id AS id
), countries AS (
    INSERT INTO shipping_zone_country (zone_id, country)
    SELECT zone.id, code.country
    FROM zone, (VALUES ('US'), ('DE'), ('FR'), ('GB'), ('ES'), ('IT'))
         AS code (country)
), provider AS (
    INSERT INTO shipping_zone_provider (zone_id, provider_code)
    SELECT id, 'core' FROM zone
), methods AS (
    INSERT INTO core_shipping_method (name, sort_order)
    VALUES ('Standard', 0), ('Express', 1)
    RETURNING core_shipping_method_id AS id, name
)
INSERT INTO core_shipping_method_rate (method_id, zone_id, cost)
SELECT methods.id, zone.id,
       CASE methods.name WHEN 'Express' THEN 14.50 ELSE 6.90 END
FROM methods, zone;

INSERT INTO setting (name, value, is_json) VALUES
    ('codPaymentStatus', '1', false),
    ('codDisplayName', 'Cash on delivery', false),
    ('storeName', 'EverShop behind cartrecover', false)
ON CONFLICT DO NOTHING;

-- A product handled before its category lost the category from its address.
UPDATE url_rewrite
SET request_path = '/accessories' || request_path
WHERE entity_type = 'product'
  AND split_part(request_path, '/', 2) <> 'accessories';
